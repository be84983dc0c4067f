"""Reads finished sweeps and runs: reports, confirmation, a study in W&B."""
