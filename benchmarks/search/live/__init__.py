"""Live searches: one space, training code, machine and budget for this program and others."""
