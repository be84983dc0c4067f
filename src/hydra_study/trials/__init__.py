"""Trials by the book: ask, prune, tell, budget, duplicates, retries."""
