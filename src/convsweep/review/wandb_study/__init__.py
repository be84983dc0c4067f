"""A study as a W&B run of its own, kept up to date beside the sweep: `python -m convsweep.review.wandb_study SWEEP`."""
