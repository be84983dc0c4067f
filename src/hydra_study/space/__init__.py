"""The search space: grammar, conditions, points."""
