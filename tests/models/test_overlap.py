"""IoU, Dice and pixel accuracy against counts made by hand, over a whole data set."""

import pytest
import torch
from torch import Tensor

from convsweep.metrics.overlap import Overlap

PREDICTED = torch.tensor([[0, 0, 1, 1], [2, 2, 1, 0]])
TRUE = torch.tensor([[0, 1, 1, 1], [2, 0, 1, 0]])
# class 0: TP 2, FP 1, FN 1; class 1: TP 3, FP 0, FN 1; class 2: TP 1, FP 1, FN 0
BY_HAND = {
    "iou/a": 2 / 4,
    "iou/b": 3 / 4,
    "iou/c": 1 / 2,
    "dice/a": 4 / 6,
    "dice/b": 6 / 7,
    "dice/c": 2 / 3,
    "miou": (2 / 4 + 3 / 4 + 1 / 2) / 3,
    "dice": (4 / 6 + 6 / 7 + 2 / 3) / 3,
    "pixel_accuracy": 6 / 8,
    # Of the samples: class a 2/3 and 2/3; class b 4/5 and 2/2; class c neither there nor predicted,
    # and 2/3.
    "sample_dice/a": 2 / 3,
    "sample_dice/b": (4 / 5 + 1) / 2,
    "sample_dice/c": 2 / 3,
    "foreground_dice": ((4 / 5 + 1) / 2 + 2 / 3) / 2,
}


def scores(metric: Overlap) -> dict[str, float]:
    return {name: float(value) for name, value in metric.compute().items()}


def test_scores_by_hand() -> None:
    metric = Overlap(["a", "b", "c"])
    metric.update(PREDICTED, TRUE)
    assert scores(metric) == pytest.approx(BY_HAND)


def test_batches_are_counted_together() -> None:
    metric = Overlap(["a", "b", "c"])
    for predicted, true in zip(PREDICTED, TRUE, strict=True):
        metric.update(predicted.unsqueeze(0), true.unsqueeze(0))
    assert scores(metric) == pytest.approx(BY_HAND)
    metric.reset()
    metric.update(TRUE, TRUE)
    assert set(scores(metric).values()) == {1.0}


@pytest.mark.parametrize("ignore_index", [255, -1])
def test_ignored_positions_do_not_count(ignore_index: int) -> None:
    extra = torch.full((2, 3), ignore_index)
    metric = Overlap(["a", "b", "c"], ignore_index)
    metric.update(
        torch.cat([PREDICTED, torch.tensor([[0, 1, 2], [2, 1, 0]])], dim=1),
        torch.cat([TRUE, extra], dim=1),
    )
    assert scores(metric) == pytest.approx(BY_HAND)


def test_class_that_is_nowhere_has_no_score() -> None:
    metric = Overlap(["a", "b", "c", "nowhere"])
    metric.update(PREDICTED, TRUE)
    assert scores(metric) == pytest.approx(BY_HAND)


def test_class_predicted_where_it_is_not_scores_nothing() -> None:
    metric = Overlap(["a", "b"])
    metric.update(torch.tensor([[0, 1]]), torch.tensor([[0, 0]]))
    found = scores(metric)
    assert (found["iou/a"], found["iou/b"], found["miou"]) == (0.5, 0.0, 0.25)
    assert (found["dice/b"], found["sample_dice/b"], found["foreground_dice"]) == (0.0, 0.0, 0.0)
    assert (found["dice"], found["pixel_accuracy"]) == (pytest.approx((2 / 3) / 2), 0.5)


@pytest.mark.parametrize("shape", [(3, 7), (3, 4, 5), (2, 3, 4, 5)])
def test_any_number_of_axes(shape: tuple[int, ...]) -> None:
    predicted, true = torch.randint(0, 4, shape), torch.randint(0, 4, shape)
    metric = Overlap(list("abcd"))
    metric.update(predicted, true)

    def iou(number: int) -> Tensor:
        return ((predicted == number) & (true == number)).sum() / (
            (predicted == number) | (true == number)
        ).sum()

    found = scores(metric)
    assert [found[f"iou/{name}"] for name in "abcd"] == pytest.approx(
        [float(iou(number)) for number in range(4)]
    )
    assert found["pixel_accuracy"] == pytest.approx(float((predicted == true).float().mean()))
