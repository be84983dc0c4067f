"""From data to a confirmed network in one command: `convsweep auto data=... budget=30min`.

Each stage is a command of this program, run as a process; this room shares out the budget, goes on
after an interruption, and writes the model card.
"""
