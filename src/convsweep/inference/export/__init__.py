"""Export of checkpoints to programs that do not need this package, checked and timed."""
