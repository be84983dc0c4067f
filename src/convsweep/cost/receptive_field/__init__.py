"""What each position of a tensor sees of the input, traced through the operations of torch."""
