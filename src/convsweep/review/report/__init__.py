"""Reports of sweeps, runs and folders of runs, as HTML and Markdown."""
