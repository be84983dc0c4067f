"""The Hydra sweeper `hydra/sweeper=study`: an asynchronous, pruned, resumable Optuna search.

Hydra imports every module of this folder at each start, so none of them imports anything heavy. The
search itself is in the package `hydra_study`.
"""
