"""What makes a start quick: large modules imported without what is not used, or put off until something is asked of them."""
