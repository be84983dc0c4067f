"""The primary config of a program and the arguments that name it, read from Hydra's config."""

from pathlib import Path

from omegaconf import DictConfig

# Provider of a folder that the primary config adds to the search path.
ADDED = "hydra.searchpath in main"


def config_dirs(hydra: DictConfig) -> list[str]:
    """Return the folders that were given by `--config-dir`."""
    return [
        str(source.path)
        for source in hydra.runtime.config_sources
        if source.provider == "command-line"
    ]


def config_arguments(hydra: DictConfig) -> list[str]:
    """Return the arguments `--config-name` and `--config-dir` of the command line."""
    name = hydra.job.config_name
    named = [] if name is None else [f"--config-name={name}"]
    return named + [f"--config-dir={folder}" for folder in config_dirs(hydra)]


def adds_to_search_path(hydra: DictConfig) -> bool:
    """Return whether the primary config has a `hydra.searchpath`, which Hydra takes from no
    other.
    """
    return any(source.provider == ADDED for source in hydra.runtime.config_sources)


def primary_file(hydra: DictConfig) -> Path:
    """Return the file of the primary config: the first on the search path."""
    places = [Path(str(source.path)) for source in hydra.runtime.config_sources]
    files = [place / f"{hydra.job.config_name}.yaml" for place in places]
    return next(file for file in files if file.is_file())
