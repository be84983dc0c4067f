"""Losses that torch does not have, in plain torch."""
