"""The best trial as a preset: a config file that the application can run and override."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.primary_config import adds_to_search_path, config_dirs, primary_file
from hydra_study.sweep_spec import SweepSpec

# Begins an entry of a defaults list that replaces an option.
OVERRIDE = "override "


def preset(trial: FrozenTrial, spec: SweepSpec, remarks: Sequence[str] = ()) -> str:
    """Return the text of a trial's preset, with remarks below its first lines."""
    loader = spec.hydra_context.config_loader
    header = [*_header(trial, spec), *(f"# {remark}" for remark in remarks)]
    return preset_of(list(trial.user_attrs[attributes.OVERRIDES]), loader, spec.config, header)


def preset_of(
    overrides: list[str], loader: ConfigLoader, config: DictConfig, header: list[str]
) -> str:
    """Return the text of a config whose defaults list holds the overrides' choices of config groups
    and whose body holds their values.

    Args:
        overrides: Overrides of the primary config.
        loader: Knows which keys are config groups.
        config: Config of the sweep. A folder of its `--config-dir` is added to `hydra.searchpath`,
            since Hydra accepts one `--config-dir`, which the preset itself needs. A primary config
            with a `hydra.searchpath` of its own is copied, since Hydra takes it from a primary
            config alone.
        header: Comment lines at the top.
    """
    parser = OverridesParser.create(config_loader=loader)
    defaults, body = _base(config.hydra)
    if "hydra.mode=MULTIRUN" not in config.hydra.overrides.hydra:
        # a config sets the mode, not the option -m, and would start the search again
        OmegaConf.update(body, "hydra.mode", "RUN", force_add=True)
    folders = [f"file://{folder}" for folder in config_dirs(config.hydra)]
    folders += [str(folder) for folder in config.hydra.get("searchpath") or ()]
    if folders:
        OmegaConf.update(body, "hydra.searchpath", folders, force_add=True)
    left_out = []
    for override in parser.parse_overrides(overrides):
        if override.is_delete():
            left_out.append(override.input_line)
        elif _is_group(override.key_or_group, loader, folders):
            choice = _choice(override)
            defaults = [each for each in defaults if not _is_same(each, choice)] + [choice]
        else:
            OmegaConf.update(body, override.key_or_group, override.value(), force_add=True)
    header = [
        *header,
        *(f"# not expressible here, add it to the command: {text}" for text in left_out),
    ]
    return (
        "\n".join(header)
        + "\n"
        + OmegaConf.to_yaml({"defaults": [*defaults, "_self_"]})
        + "\n"
        + (OmegaConf.to_yaml(body) if body else "")
    )


def _base(hydra: DictConfig) -> tuple[list[Any], DictConfig]:
    """Return the defaults list and the body that a preset builds on: the name of the primary
    config, or its content.
    """
    if not adds_to_search_path(hydra):
        return [hydra.job.config_name], OmegaConf.create({})
    body = OmegaConf.load(primary_file(hydra))
    assert isinstance(body, DictConfig)
    defaults = OmegaConf.to_container(body.pop("defaults", OmegaConf.create([])))
    assert isinstance(defaults, list)
    return [each for each in defaults if each != "_self_"], body


def _is_group(key: str, loader: ConfigLoader, folders: Sequence[str]) -> bool:
    """Return whether a key is a config group, also of a folder that a primary config adds, which
    the loader of a sweep does not know.
    """
    return bool(loader.get_group_options(key)) or any(
        Path(folder.removeprefix("file://"), key).is_dir() for folder in folders
    )


def _is_same(entry: Any, choice: dict[str, Any]) -> bool:
    """Return whether an entry of a defaults list overrides the same group as a choice."""
    (asked,) = choice
    return isinstance(entry, dict) and any(
        key.startswith(OVERRIDE) and _group_in(key) == _group_in(asked) for key in entry
    )


def _group_in(key: str) -> str:
    """Return the group and package that a key of a defaults list names."""
    return key.removeprefix(OVERRIDE).lstrip("/")


def _choice(override: Override) -> dict[str, Any]:
    package = f"@{override.package}" if override.package else ""
    prefix = "" if override.is_add() else OVERRIDE
    return {f"{prefix}/{override.key_or_group}{package}": override.value()}


def _header(trial: FrozenTrial, spec: SweepSpec) -> list[str]:
    assert trial.values is not None
    named = zip(spec.objectives.names, trial.values, strict=True)
    values = ", ".join(f"{name} {value:.6g}" for name, value in named)
    folder = spec.config.hydra.sweep.dir
    hydra = spec.config.hydra
    path, start = Path(spec.script), Path(hydra.runtime.cwd)
    file = path.relative_to(start) if path.is_relative_to(start) else path
    script = f"-m {spec.module}" if spec.module else str(file)
    program = f"python {script}" if hydra.help.app_name == hydra.job.name else hydra.help.app_name
    return [
        f"# Trial {trial.number} of study {spec.options.study_name}: {values}",
        f"# {program} --config-dir {folder} --config-name best",
    ]
