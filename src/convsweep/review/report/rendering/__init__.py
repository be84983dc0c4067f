"""Rendering of pages as HTML and Markdown."""
