"""Kinds of file that prediction reads and writes, one module each, found by its place
(`formats.known_formats`).
"""
