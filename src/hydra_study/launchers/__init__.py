"""How Hydra's launchers start the workers of a sweep."""
