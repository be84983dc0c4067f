"""Looks into a network: its layers and cost, its figures, images drawn out of it."""
