"""Display of a sweep: the live table, log lines, sweep.csv and best.yaml."""
