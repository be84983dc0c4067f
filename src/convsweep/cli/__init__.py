"""The command line of every command: overrides, help, hints, and one message for a user's
mistake.
"""
