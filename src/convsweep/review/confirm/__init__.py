"""Believe a search only after its winners were trained again: `python -m convsweep.review.confirm SWEEP top=3 seeds=5`."""
