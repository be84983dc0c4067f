"""A fused step learns what the plain step learns, also from a state that was saved in another
layout.
"""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from tiny import classifier, fit, labelled
from torch import Tensor, nn
from torch.optim import Optimizer

from convsweep.models.fused import build_optimizer

FUSED: list[Callable[..., Optimizer]] = [
    partial(torch.optim.AdamW, lr=1e-2),
    partial(torch.optim.Adam, lr=1e-2, weight_decay=1e-3),
    partial(torch.optim.SGD, lr=1e-2, momentum=0.9, nesterov=True, weight_decay=1e-3),
]


def weights(layout: torch.memory_format) -> nn.Parameter:
    """The same weights in a layout."""
    drawn = torch.randn(6, 5, 3, 3, generator=torch.Generator().manual_seed(0))
    return nn.Parameter(drawn.contiguous(memory_format=layout))


def steps(optimizer: Optimizer, param: nn.Parameter, count: int) -> Tensor:
    """Take steps of gradients that depend on the weights, and return these."""
    for _ in range(count):
        optimizer.zero_grad()
        param.sin().sum().backward()
        optimizer.step()
    return param.detach().clone()


@pytest.mark.parametrize("make", FUSED, ids=lambda make: make.func.__name__)
@pytest.mark.parametrize("saved_in", [torch.contiguous_format, torch.channels_last])
def test_a_fused_step_is_the_plain_step_also_behind_a_restored_state(
    make: Any, saved_in: torch.memory_format
) -> None:
    expected = weights(torch.contiguous_format)
    steps(make([expected]), expected, 5)

    first, second = weights(saved_in), weights(torch.channels_last)
    before = build_optimizer(make, [{"params": [first]}])
    assert before.defaults["fused"] is True
    second.data.copy_(steps(before, first, 2))
    after = build_optimizer(make, [{"params": [second]}])
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    steps(after, second, 3)
    torch.testing.assert_close(second, expected)


@pytest.mark.parametrize("make", FUSED, ids=lambda make: make.func.__name__)
def test_a_plain_checkpoint_goes_on(make: Any) -> None:
    expected = weights(torch.contiguous_format)
    steps(make([expected]), expected, 5)

    first, second = weights(torch.contiguous_format), weights(torch.channels_last)
    before = make([first])
    second.data.copy_(steps(before, first, 2))
    after = build_optimizer(make, [{"params": [second]}])
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    steps(after, second, 3)
    torch.testing.assert_close(second, expected)


@pytest.mark.parametrize(
    ("make", "params", "is_scaled"),
    [
        (partial(torch.optim.RMSprop, lr=0.1), [torch.zeros(2)], False),
        (partial(torch.optim.AdamW, lr=0.1, foreach=True), [torch.zeros(2)], False),
        (partial(torch.optim.AdamW, lr=0.1, fused=False), [torch.zeros(2)], False),
        (partial(torch.optim.AdamW, lr=0.1), [torch.zeros(2)], True),
        (
            partial(torch.optim.AdamW, lr=0.1),
            [torch.zeros(2), torch.zeros(2, device="meta")],
            False,
        ),
        (lambda groups: torch.optim.AdamW(groups, lr=0.1), [torch.zeros(2)], False),
    ],
    ids=["none there", "foreach", "refused", "scaled", "device", "unknown"],
)
def test_what_cannot_be_fused_or_shall_not_is_left_as_it_comes(
    make: Any, params: list[Tensor], is_scaled: bool
) -> None:
    optimizer = build_optimizer(
        make, [{"params": [nn.Parameter(param) for param in params]}], is_scaled
    )
    assert not optimizer.defaults.get("fused")


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_gradients_are_clipped_in_front_of_a_fused_step(precision: Any) -> None:
    lr, most = 0.5, 0.01
    model = classifier(optimizer=partial(torch.optim.SGD, lr=lr))
    before = [param.detach().clone() for param in model.net.parameters()]
    fit(model, labelled(), epochs=1, precision=precision, gradient_clip_val=most)
    (optimizer,) = model.trainer.optimizers
    assert optimizer.defaults["fused"] is True
    moved = torch.cat(
        [(param - was).flatten() for param, was in zip(model.net.parameters(), before, strict=True)]
    )
    assert float(moved.detach().norm()) == pytest.approx(lr * most, rel=1e-3)
