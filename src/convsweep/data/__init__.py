"""Data sets: one source a file, read as arrays and loaded as batches by index."""
