"""A study as a W&B run of its own, kept up to date beside the sweep: `convsweep wandb-study
SWEEP`.
"""
