"""The search space: its grammar, its conditions, its points."""
