"""A look at the data: what there is, and what is wrong with it."""
