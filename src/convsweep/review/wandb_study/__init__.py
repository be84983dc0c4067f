"""A study as a W&B run, updated during the sweep: `convsweep wandb-study SWEEP`."""
