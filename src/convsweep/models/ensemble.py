"""Ensembles: trained models that answer as one, by the mean of their answers."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from convsweep.errors import UserError
from convsweep.models.base import Model

# Options of the data by which files become samples.
READING = (
    "image_size",
    "resize",
    "color",
    "white",
    "channels",
    "spacing",
    "image_suffix",
    "permute",
)


def ensemble_of(models: Mapping[str, Model]) -> Model:
    """Return the first of trained models, whose output is from now on that of all of them.

    Each model normalises by its own statistics. Probabilities of classes, of masks and of labels
    are averaged, as are numbers, signals, and thresholds of labels; logits are those of the mean.

    Args:
        models: by the names that messages use.

    Raises:
        UserError: they differ in task, classes, shape, or in how they read samples.
    """
    first, *others = models.values()
    check_alike(models)
    own_output = first.forward

    def forward(x: Tensor, *given: Any) -> Tensor:
        answers = [first.answer(own_output(x, *given))]
        answers += [other.answer(other(x, *given)) for other in others]
        return first.logits_for(torch.stack(answers).mean(dim=0))

    first.members = nn.ModuleList(others)
    first.forward = forward  # type: ignore[method-assign]
    first.average_thresholds(others)
    return first


def separate(model: Model) -> None:
    """Let the first model of an ensemble answer for itself again."""
    del model.forward  # of the instance, which hides that of its class
    del model.members


def check_alike(models: Mapping[str, Model]) -> None:
    """Raise UserError unless the answers of models can be averaged."""
    (first_name, first), *others = models.items()
    for name, other in others:
        for what, mine, theirs in zip(
            ("task", "classes", "shape of samples", "sample rate", "normalisation"),
            _facts(first),
            _facts(other),
            strict=True,
        ):
            if mine != theirs:
                raise _differ(what, (first_name, mine), (name, theirs))
        for key in READING:
            mine, theirs = (model.metadata.get("data", {}).get(key) for model in (first, other))
            if mine != theirs:
                raise _differ(f"data.{key}", (first_name, mine), (name, theirs))


def _facts(model: Model) -> tuple[Any, ...]:
    info = model.info
    # the level of a recording, which is known before it is cut, is given to all of them
    normalisation = model.normalize.by if info.kind.gives_signals else None
    return info.task, info.class_names, info.in_shape, info.sample_rate_hz, normalisation


def _differ(what: str, mine: tuple[str, Any], theirs: tuple[str, Any]) -> UserError:
    shown = [
        f"{', '.join(map(str, value)) if isinstance(value, tuple) else value} in {name}"
        for name, value in (mine, theirs)
    ]
    return UserError(
        f"the networks of an ensemble must agree in {what}, but it is {' and '.join(shown)}; leave"
        " one out"
    )
