"""Evaluation: a checkpoint on labelled data to metrics, tables and pictures; `python -m convsweep.inference.evaluate --help`."""
