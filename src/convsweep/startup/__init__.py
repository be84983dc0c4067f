"""What makes a start quick: packages that are not run before something is asked of them, and no search for garbage."""
