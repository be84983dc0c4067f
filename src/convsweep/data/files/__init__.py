"""Reading of files as arrays: listing, checks, decoding, caching."""
