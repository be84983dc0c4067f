"""Evaluation of checkpoints on labelled data: metrics, tables and pictures."""
