"""Weights & Biases: logger, runs and media."""
