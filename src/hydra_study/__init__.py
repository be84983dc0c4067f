"""An asynchronous, pruned, resumable Optuna search for Hydra applications."""
