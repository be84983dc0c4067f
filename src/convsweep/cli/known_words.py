"""Words of other programs and what they are called here: `lr`, `--epochs 5`, `model=resnet18`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from convsweep.errors import UserError

# Keys and groups by words that are used elsewhere; other words are looked up among the keys.
ELSEWHERE = {
    "epochs": "trainer.max_epochs",
    "num_epochs": "trainer.max_epochs",
    "batch": "data.batch_size",
    "batch_size": "data.batch_size",
    "learning_rate": "optimizer.lr",
    "image_size": "data.image_size",
    "img_size": "data.image_size",
    "size": "data.image_size",
    "folder": "data.root",
    "path": "data.root",
    "data_dir": "data.root",
    "root": "data.root",
    "num_workers": "data.num_workers",
    "workers": "data.num_workers",
    "device": "trainer.accelerator",
    "gpus": "trainer.devices",
    "patience": "callbacks.early_stopping.patience",
    "n_trials": "hydra.sweeper.n_trials",
    "timeout": "hydra.sweeper.timeout",
    "weights": "init_from",
    "pretrained": "init_from",
    "checkpoint": "ckpt_path",
    "augment": "data/augment",
    "augmentation": "data/augment",
    "net": "model/net",
    "arch": "model/net",
    "backbone": "model/net",
    "loss": "model/loss",
    "task": "model",
    "dataset": "data",
}

# The options of Hydra's command line.
OPTIONS = (
    *("help", "hydra-help", "version", "cfg", "resolve", "package", "run", "multirun", "info"),
    *("shell-completion", "config-path", "config-name", "config-dir", "experimental-rerun"),
)


def key_for(word: str, config: Mapping[Any, Any]) -> str | None:
    """Return the key or group of a config that a word is used for; None if there is none."""
    if word in ELSEWHERE:
        return ELSEWHERE[word]
    found = (key for key in keys(config) if key.rpartition(".")[2] == word)
    return min(found, key=lambda key: key.count("."), default=None)


def keys(config: Mapping[Any, Any], prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys of plain containers, without those of Hydra."""
    for name, value in config.items():
        if isinstance(value, Mapping) and name != "hydra":
            yield from keys(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def check_dashes(arguments: Sequence[str]) -> None:
    """Check that overrides are written without dashes.

    Raises:
        UserError: one has the form of an option, such as `--epochs 5`.
    """
    for number, argument in enumerate(arguments):
        word, has_value, value = argument.lstrip("-").partition("=")
        if not argument.startswith("--") or not word:
            continue
        if any(option.startswith(word) for option in OPTIONS):
            continue
        after = arguments[number + 1] if number + 1 < len(arguments) else "VALUE"
        if not has_value:
            value = after if "=" not in after and not after.startswith("-") else "VALUE"
        name = word.replace("-", "_")
        name = ELSEWHERE.get(name, "optimizer.lr" if name == "lr" else name)
        raise UserError(
            f"settings are written as KEY=VALUE without dashes, but one is {argument}; write"
            f" {name}={value}"
        )


def group_of(option: str, folder: Path, asked: str = "") -> str | None:
    """Return the config group that holds an option: the nearest below `asked`, else any; None."""
    found = [
        path.parent.relative_to(folder).as_posix()
        for path in sorted(folder.rglob(f"{option}.yaml"))
        if path.parent != folder
    ]
    return min(found, key=lambda group: (not group.startswith(asked), len(group)), default=None)
