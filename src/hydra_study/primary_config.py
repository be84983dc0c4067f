"""The command-line arguments that name a program's primary config, read from Hydra's config."""

from omegaconf import DictConfig


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
