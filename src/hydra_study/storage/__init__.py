"""Where a study and its files are kept, and how several processes share them."""
