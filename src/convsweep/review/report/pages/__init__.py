"""The pages of a report: of a sweep, of a run, of two sweeps, of a folder of runs."""
