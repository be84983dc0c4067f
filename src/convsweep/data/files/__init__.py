"""Files of every kind as arrays: found, checked, decoded, cached."""
