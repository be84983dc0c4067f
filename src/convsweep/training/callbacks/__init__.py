"""Callbacks of a training; those that publish results are in `convsweep.tracking`."""
