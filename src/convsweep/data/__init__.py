"""Data sets that describe themselves: one source a file, all of them arrays, fed as batches by
index.
"""
