"""One training from the composed config to the result."""
