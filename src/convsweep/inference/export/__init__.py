"""Export: a checkpoint to programs that need none of this code, checked and timed."""
