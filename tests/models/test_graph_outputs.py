"""Nothing that a recorded CUDA graph returned is used once the next one runs, which overwrites it.

There is no GPU here: what stands for a graph fills with NaN whatever the run before returned, the
logits and the gradients that the backward pass left to the parameters.
"""

import csv
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.conftest import Train
from torch import Tensor, nn

from convsweep.models.acceleration import CUDA_GRAPHS


class Graphs:
    """Runs a network as recorded graphs would be."""

    def __init__(self, net: nn.Module) -> None:
        self.returned: list[Tensor] = []
        self.before: dict[Tensor, Tensor | None] = {}
        self.runs = 0
        net.register_forward_pre_hook(self.begin)
        net.register_forward_hook(self.end)
        for param in net.parameters():
            param.register_hook(partial(self.arrives, param))
            param.register_post_accumulate_grad_hook(self.left)

    def begin(self, net: nn.Module, args: Any) -> None:
        self.runs += 1
        with torch.inference_mode(mode=torch.is_inference_mode_enabled()), torch.no_grad():
            for tensor in self.returned:
                tensor.fill_(float("nan"))
        self.returned = []

    def end(self, net: nn.Module, args: Any, output: Tensor) -> Tensor:
        self.returned.append(output.detach())
        return output

    def arrives(self, param: Tensor, grad: Tensor) -> None:
        self.before[param] = param.grad

    def left(self, param: Tensor) -> None:
        """Where there was no gradient to add to, what the graph returned is the gradient now."""
        assert param.grad is not None
        if param.grad is not self.before[param]:
            self.returned.append(param.grad)


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[Graphs]:
    """Let networks be compiled to what stands for graphs."""
    made: list[Graphs] = []
    monkeypatch.setattr(nn.Module, "compile", lambda net, **options: made.append(Graphs(net)))
    return made


def curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("accumulate", "mode"), [*enumerate(sorted(CUDA_GRAPHS), start=1)])
def test_a_training_uses_nothing_that_was_overwritten(
    train: Train, graphs: list[Graphs], mode: str, accumulate: int
) -> None:
    options = (
        "callbacks=ema",
        "trainer.max_epochs=2",
        "data.max_train=160",
        f"trainer.accumulate_grad_batches={accumulate}",
    )
    options += ("data.batch_size=16", "trainer.gradient_clip_val=1", "trainer.val_check_interval=5")
    plain = train(*options, folder="plain")
    recorded = train(*options, f"model.compile={mode}", folder="recorded")
    assert graphs[0].runs > 20
    assert [(row["train/loss"], row["val/loss"]) for row in curve(recorded)] == [
        (row["train/loss"], row["val/loss"]) for row in curve(plain)
    ]
    results = [json.loads((folder / "result.json").read_text()) for folder in (plain, recorded)]
    assert results[0]["best"] == results[1]["best"]
    assert results[0]["test"] == results[1]["test"]


def test_what_stands_for_graphs_notices_a_use(graphs: list[Graphs]) -> None:
    net = nn.Linear(2, 2)
    net.compile()
    net(torch.ones(1, 2)).sum().backward()
    first = net(torch.ones(1, 2))
    kept = net.weight.grad
    assert kept is not None
    assert kept.isnan().all(), "a gradient that is accumulated on is gone"
    with torch.no_grad():
        net(torch.ones(1, 2))
    assert first.isnan().all()
