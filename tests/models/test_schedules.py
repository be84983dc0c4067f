"""Learning rates at given steps of a training."""

from collections.abc import Callable
from math import cos, pi, sqrt
from typing import Any

import pytest
import torch
from torch import nn

from convsweep.errors import UserError
from convsweep.models.schedules import cosine, multi_step, one_cycle, plateau, warmup_stable_decay

LR = 0.4


def rates(schedule: Callable[..., Any], total_steps: int, **options: Any) -> list[float]:
    """Return the learning rate of each step of a training, and the one after it."""
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=LR, momentum=0.9)
    scheduler = schedule(optimizer, total_steps, **options)
    found = [optimizer.param_groups[0]["lr"]]
    for _ in range(total_steps):
        optimizer.step()
        scheduler.step()
        found.append(optimizer.param_groups[0]["lr"])
    return found


def test_cosine_is_half_a_cosine() -> None:
    expected = [LR * (1 + cos(pi * step / 20)) / 2 for step in range(21)]
    assert rates(cosine, 20, warmup=0.0) == pytest.approx(expected)


def test_cosine_ends_at_its_share_of_the_first() -> None:
    found = rates(cosine, 40, warmup=0.0, final=0.1)
    assert (found[0], found[-1]) == pytest.approx((LR, 0.1 * LR))


@pytest.mark.parametrize("schedule", [cosine, multi_step])
def test_warm_up_rises_linearly_to_the_learning_rate(schedule: Callable[..., Any]) -> None:
    found = rates(schedule, 50, warmup=0.2)
    assert found[:11] == pytest.approx([LR * (step + 1) / 11 for step in range(11)])
    assert max(found) == pytest.approx(LR)


@pytest.mark.parametrize("schedule", [cosine, multi_step])
def test_a_longer_training_goes_on_from_one_too_short_for_its_warm_up(
    schedule: Callable[..., Any],
) -> None:
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=LR)
    longer = schedule(optimizer, 100, warmup=0.05)
    longer.load_state_dict(schedule(optimizer, 4, warmup=0.05).state_dict())


def test_cosine_follows_the_warm_up() -> None:
    found = rates(cosine, 50, warmup=0.2)
    assert found[10:] == pytest.approx([LR * (1 + cos(pi * step / 40)) / 2 for step in range(41)])


@pytest.mark.parametrize("warmup", [0.0, 0.1])
def test_multi_step_falls_at_shares_of_the_training(warmup: float) -> None:
    found = rates(multi_step, 40, milestones=(0.5, 0.75), gamma=0.1, warmup=warmup)
    assert found[5] == found[19] == pytest.approx(LR)
    assert found[20] == found[29] == pytest.approx(0.1 * LR)
    assert found[30] == found[40] == pytest.approx(0.01 * LR)


@pytest.mark.parametrize("anneal", ["cos", "linear"])
def test_one_cycle_peaks_at_the_learning_rate(anneal: str) -> None:
    found = rates(one_cycle, 100, warmup=0.3, anneal=anneal)[:-1]
    assert max(found) == pytest.approx(LR)
    assert abs(found.index(max(found)) - 30) <= 1
    assert found[0] == pytest.approx(LR / 25)
    assert found[-1] < 1e-4 * LR
    assert found[:30] == sorted(found[:30])
    assert found[30:] == sorted(found[30:], reverse=True)


@pytest.mark.parametrize(
    ("shape", "middle"),
    [("sqrt", 1 - sqrt(0.25)), ("linear", 0.75), ("cosine", (1 + cos(pi / 4)) / 2)],
)
def test_stable_rate_rises_stays_and_decays(shape: str, middle: float) -> None:
    found = rates(warmup_stable_decay, 40, warmup_steps=9, decay=0.2, shape=shape, final=0.1)
    assert found[:10] == pytest.approx([LR * (step + 1) / 10 for step in range(10)])
    assert found[9:33] == [LR] * 24
    assert found[34] == pytest.approx(LR * (0.1 + 0.9 * middle))
    assert found[40] == pytest.approx(0.1 * LR)
    assert found[32:] == sorted(found[32:], reverse=True)


def test_stable_rate_of_a_longer_training_is_the_same_until_the_shorter_one_decays() -> None:
    shorter, longer = (rates(warmup_stable_decay, steps, warmup_steps=5) for steps in (50, 200))
    assert shorter[:41] == longer[:41]
    assert shorter[41] < longer[41]


@pytest.mark.parametrize("schedule", [cosine, multi_step, one_cycle, warmup_stable_decay])
@pytest.mark.parametrize("total_steps", [1, 2, 3, 5])
def test_shortest_trainings_have_a_schedule(schedule: Callable[..., Any], total_steps: int) -> None:
    assert all(0 <= rate <= LR * (1 + 1e-9) for rate in rates(schedule, total_steps)[:-1])


@pytest.mark.parametrize(
    ("mode", "values"), [("min", [1.0, 0.9, 0.95, 0.95, 0.95]), ("max", [0.1, 0.2, 0.2, 0.2, 0.2])]
)
def test_plateau_falls_when_nothing_gets_better(mode: str, values: list[float]) -> None:
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=LR)
    scheduler = plateau(optimizer, 100, mode=mode, factor=0.5, patience=2)
    found = []
    for value in values:
        scheduler.step(value)
        found.append(optimizer.param_groups[0]["lr"])
    assert found == [LR, LR, LR, LR, LR / 2]


@pytest.mark.parametrize(
    ("schedule", "options", "message"),
    [
        (
            cosine,
            {"warmup": 5},
            "scheduler.warmup must be a share of the training, 0 to 1, but is 5",
        ),
        (warmup_stable_decay, {"decay": 2}, "scheduler.decay must be a share"),
        (warmup_stable_decay, {"warmup_steps": -1}, "scheduler.warmup_steps must be a number >= 0"),
        (one_cycle, {"warmup": 1.5}, "scheduler.warmup must be a share"),
        (multi_step, {"milestones": [30, 60]}, "scheduler.milestones must be a share"),
        (
            multi_step,
            {"milestones": [0.1, 0.5], "warmup": 0.2},
            "scheduler.milestones must lie after the warm-up of 0.2",
        ),
    ],
)
def test_wrong_share_is_answered_with_the_rule(
    schedule: Callable[..., Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        rates(schedule, 10, **options)


def test_all_parameter_groups_move_together() -> None:
    layer = nn.Linear(1, 1)
    groups = [{"params": [layer.weight]}, {"params": [layer.bias], "weight_decay": 0.0}]
    for schedule in (cosine, one_cycle, multi_step, warmup_stable_decay):
        optimizer = torch.optim.SGD(groups, lr=LR, momentum=0.9)
        scheduler = schedule(optimizer, 10)
        for _ in range(6):
            optimizer.step()
            scheduler.step()
            first, second = (group["lr"] for group in optimizer.param_groups)
            assert first == second
