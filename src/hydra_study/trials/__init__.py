"""Trials in the study: ask, prune, tell, budget, duplicates, retries."""
