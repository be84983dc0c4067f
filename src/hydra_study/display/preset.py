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
from hydra_study.primary_config import config_dirs
from hydra_study.sweep_spec import SweepSpec


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
            since Hydra accepts one `--config-dir`, which the preset itself needs.
        header: Comment lines at the top.
    """
    parser = OverridesParser.create(config_loader=loader)
    defaults: list[Any] = [config.hydra.job.config_name]
    body = OmegaConf.create({})
    if "hydra.mode=MULTIRUN" not in config.hydra.overrides.hydra:
        # a config sets the mode, not the option -m, and would start the search again
        OmegaConf.update(body, "hydra.mode", "RUN", force_add=True)
    folders = [f"file://{folder}" for folder in config_dirs(config.hydra)]
    if folders:
        OmegaConf.update(body, "hydra.searchpath", folders, force_add=True)
    left_out = []
    for override in parser.parse_overrides(overrides):
        if override.is_delete():
            left_out.append(override.input_line)
        elif loader.get_group_options(override.key_or_group):
            defaults.append(_choice(override))
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


def _choice(override: Override) -> dict[str, Any]:
    package = f"@{override.package}" if override.package else ""
    prefix = "" if override.is_add() else "override "
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
