"""Weights & Biases: the logger, the start of a run, and what is shown in it."""
