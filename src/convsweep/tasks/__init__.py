"""Tasks, one file each: a subclass of `convsweep.task.Task` and its LightningModule."""
