"""Storage of a study and its files, shared by several processes."""
