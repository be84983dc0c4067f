"""Review of finished sweeps and runs: reports, confirmation, studies in W&B."""
