"""Callbacks of a training, besides those that publish what it leaves (`convsweep.tracking`)."""
