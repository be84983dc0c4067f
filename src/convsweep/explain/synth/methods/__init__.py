"""The methods of synthesis: one file each."""
