"""Shared parts of the command lines: overrides, help, hints and error messages."""
