"""Keys and values that plans and `convsweep auto` share; this module imports nothing."""

EPOCHS, MAX_MACS = "trainer.max_epochs", "budget.max_macs"
AUGMENT, NO_AUGMENT = "data/augment", "none"
LAUNCHER, ONE_WORKER = "hydra/launcher", "basic"
# Launchers whose workers run where the command does.
OF_THIS_MACHINE = (ONE_WORKER, "joblib")
SLOTS, WORKERS = "hydra.sweeper.slots", "hydra.sweeper.workers"
THREADS, GPUS = "hydra.sweeper.threads", "hydra.sweeper.gpus"
# Epochs of the shortest recipe; shorter trainings do without augmentation.
FEWEST_EPOCHS = 12
