"""Receptive fields of a tensor's positions, traced through torch's operations."""
