"""The Hydra sweeper `hydra/sweeper=study`: an asynchronous, pruned, resumable Optuna search.

Hydra imports every module of this folder at each start, so they import nothing heavy. The search
itself lives in `search/`, which has no `__init__.py` on purpose: Hydra's plugin scan does not enter
it.
"""
