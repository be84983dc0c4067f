"""What a sweep shows: the live table, log lines, sweep.csv and best.yaml."""
