"""A plan from the data: what to train and what to search, each decision with its reason."""
