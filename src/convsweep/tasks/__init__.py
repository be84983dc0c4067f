"""The tasks, a file each: what follows from a task (`convsweep.task.Task`), and the LightningModule
that is trained for it.
"""
