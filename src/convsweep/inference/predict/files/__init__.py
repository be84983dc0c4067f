"""The kinds of file that prediction reads and writes: one file each, found by its place
(`formats.known_formats`).
"""
