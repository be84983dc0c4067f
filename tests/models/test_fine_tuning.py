"""Frozen parts stay as they are, for ever or until an epoch, and learning rates fall towards the
input.
"""

import lightning as L
import pytest
import torch
from tiny import classifier, fit, labelled
from torch import Tensor, nn

from convsweep.errors import UserError
from convsweep.models.fine_tuning import depth_parts
from convsweep.nets import UNet


class StateAfterEachEpoch(L.Callback):
    """Keeps the network's state before the training and after each epoch."""

    def __init__(self) -> None:
        self.states: list[dict[str, Tensor]] = []

    def keep(self, module: L.LightningModule) -> None:
        self.states.append({name: value.clone() for name, value in module.net.state_dict().items()})

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.keep(pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.keep(pl_module)


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """Return the parts of a network in which anything, statistics too, differs."""
    names = {name for name, value in before.items() if not torch.equal(value, after[name])}
    paths = [name.split(".") for name in names]
    return {".".join(path[: 1 + (path[0] == "stages")]) for path in paths}


@pytest.mark.parametrize(
    ("options", "first", "second"),
    [
        ({"frozen": "body"}, {"head"}, {"head"}),
        ({"frozen": 1}, {"stages.1", "head"}, {"stages.1", "head"}),
        (
            {"frozen": "body", "frozen_epochs": 1},
            {"head"},
            {"stages.0", "stages.1", "head"},
        ),
        ({}, {"stages.0", "stages.1", "head"}, {"stages.0", "stages.1", "head"}),
    ],
)
def test_frozen_parts_stay_as_they_are(
    options: dict[str, object], first: set[str], second: set[str]
) -> None:
    keep = StateAfterEachEpoch()
    model = classifier(**options)
    fit(model, labelled(32), 2, callbacks=[keep])
    before, between, after = keep.states
    assert changed(before, between) == first
    assert changed(between, after) == second


def test_frozen_parts_are_in_the_checkpoint_once() -> None:
    assert classifier(frozen="body").state_dict().keys() == classifier().state_dict().keys()


@pytest.mark.parametrize("frozen", [3, -1, True, "head"])
def test_what_would_leave_nothing_to_train_is_refused(frozen: object) -> None:
    with pytest.raises(UserError, match=r"0 to 2 \(of stage 1, stage 2, head\), but is "):
        classifier(frozen=frozen)


def test_learning_rates_fall_towards_the_input() -> None:
    model = classifier(lr_decay=0.5)
    fit(model, labelled(), 1)
    (optimizer,) = model.trainer.optimizers
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    for name, part in depth_parts(model.net):
        expected = 1e-3 * {"stage 1": 0.25, "stage 2": 0.5, "head": 1}[name]
        assert [rates[id(p)] for p in part.parameters()] == pytest.approx(
            [expected] * len(list(part.parameters()))
        )
    assert len(rates) == len(list(model.net.parameters()))


@pytest.mark.parametrize("lr_decay", [0, 1.5])
def test_a_factor_that_is_none_is_refused(lr_decay: float) -> None:
    with pytest.raises(UserError, match="lr_decay must be a factor"):
        classifier(lr_decay=lr_decay)


def test_parts_of_other_networks_are_their_children() -> None:
    assert [name for name, _ in depth_parts(UNet((1, 16, 16), 2, depth=1, width=4))][-1] == "head"
    assert [name for name, _ in depth_parts(nn.Sequential(nn.Flatten(), nn.Linear(64, 4)))] == ["1"]
