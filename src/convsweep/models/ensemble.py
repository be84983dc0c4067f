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
    first.members = nn.ModuleList(others)
    first.average_thresholds(others)
    first.register_forward_hook(average_answers)
    return first


def average_answers(first: Model, inputs: tuple[Any, ...], logits: Tensor) -> Tensor:
    """Return logits whose answer is the mean of those of a model and its `members`: a forward hook,
    whose result replaces the model's own output.
    """
    assert isinstance(first.members, nn.ModuleList)
    answers = [first.answer(logits)]
    for other in first.members:
        assert isinstance(other, Model)
        answers.append(other.answer(other(*inputs)))
    return first.logits_for(torch.stack(answers).mean(dim=0))


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
