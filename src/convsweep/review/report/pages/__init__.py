"""The pages: of a sweep, of a run, of two sweeps, of a folder of runs."""
