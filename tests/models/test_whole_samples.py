"""For samples of any size, a segmentation is trained on crops and evaluated on whole samples."""

import warnings
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny import FROM_LIGHTNING, Quiet, statistics
from torch import Tensor, nn
from torch.utils.data import DataLoader

from convsweep.data.samples import DataInfo
from convsweep.errors import UserError
from convsweep.inference.predict.predictor import Predictor
from convsweep.nets import UNet
from convsweep.tasks.segmentation import Segmentation

FACTS = DataInfo((1, 6, 6, 6), 2, ("background", "bright"), "segmentation", any_size=True)


class Brightness(nn.Module):
    """Calls a position bright by its own value, and notes what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(tuple(x.shape))
        return torch.cat([-x, x], dim=1) * self.weight


def model(net: nn.Module | None = None, **options: Any) -> Segmentation:
    return Segmentation(net=net or Brightness(), info=FACTS, **statistics(2) | options)


def sample(*spatial: int) -> Tensor:
    return torch.randint(
        0, 256, (1, 1, *spatial), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


@pytest.mark.parametrize("spatial", [(6, 6, 6), (9, 13, 7), (4, 5, 9), (2, 3, 1)])
def test_probabilities_of_a_whole_sample_are_those_of_its_positions(
    spatial: tuple[int, ...],
) -> None:
    net = Brightness()
    x = sample(*spatial)
    probs = model(net).eval().predict_batch(x)["probs"]
    expected = net(model().normalize(x)).softmax(dim=1)
    torch.testing.assert_close(probs, expected.detach(), rtol=1e-4, atol=1e-5)
    assert {shape[2:] for shape in net.seen[:-1]} == {(6, 6, 6)}


def test_training_sees_crops_as_they_are() -> None:
    net = Brightness()
    model(net).train()(torch.cat([sample(6, 6, 6)] * 3))
    assert net.seen == [(3, 1, 6, 6, 6)]


def test_whole_samples_are_scored_whole() -> None:
    """Three samples of different sizes; in the second, half of the bright positions are labelled as
    background.
    """
    batches = [
        (x, (x[:, 0] >= 128).long()) for x in (sample(7, 9, 6), sample(5, 5, 5), sample(12, 6, 8))
    ]
    y = batches[1][1].flatten()
    bright = y.nonzero().flatten()
    y[bright[: len(bright) // 2]] = 0
    trainer = Quiet()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", FROM_LIGHTNING[0])
        trainer.validate(model(), DataLoader(batches, batch_size=None), verbose=False)  # type: ignore[arg-type]
    found = {name: float(value) for name, value in trainer.callback_metrics.items()}
    left, predicted = len(bright) - len(bright) // 2, len(bright)
    assert found["val/sample_dice/bright"] == pytest.approx(
        (1 + 2 * left / (left + predicted) + 1) / 3
    )
    total = sum(y.numel() for _, y in batches)
    assert found["val/pixel_accuracy"] == pytest.approx(1 - len(bright) // 2 / total)


def test_an_empty_batch_changes_no_score() -> None:
    """As a process sees at the end that has a sample less than the others."""
    x = sample(7, 9, 6)
    y = torch.randint(0, 2, (1, 7, 9, 6), generator=torch.Generator().manual_seed(1))
    judge = model(dice_weight=1.0).eval()
    metrics = [judge.make_metrics(), judge.make_metrics()]
    for metric, batches in zip(metrics, ([(x, y)], [(x, y), (x[:0], y[:0])]), strict=True):
        for batch in batches:
            judge.evaluate(batch, "val", metric)
    assert metrics[0].compute() == metrics[1].compute()
    alone, joined = judge.loss(judge(x), y), judge.losses["val"].compute(lambda total: total)
    torch.testing.assert_close(joined, alone)


def test_a_valid_unet_answers_for_all_of_a_sample() -> None:
    net = UNet((1, 12, 12, 12), 2, depth=1, width=2, num_convs=1, padding="valid", norm="none")
    info = DataInfo((1, 12, 12, 12), 2, ("a", "b"), "segmentation", any_size=True)
    whole = Segmentation(net=net, info=info, **statistics(2)).eval()
    for spatial in ((12, 12, 12), (15, 11, 13)):
        assert whole.predict_batch(sample(*spatial))["probs"].shape == (1, 2, *spatial)


def test_an_overlap_of_a_whole_window_is_refused() -> None:
    with pytest.raises(UserError, match=r"0 <= overlap < 1, but is 1"):
        model(window_overlap=1.0)


def test_windows_of_another_size_are_answered_at_once() -> None:
    net = Brightness()
    whole = model(net).eval()
    whole.set_window((9, 9, 9))
    whole.predict_batch(torch.cat([sample(9, 9, 9)] * 2))
    assert net.seen == [(2, 1, 9, 9, 9)]


@pytest.mark.parametrize(("given", "overlap"), [(None, 0.25), (0.1, 0.1)])
def test_prediction_has_the_overlap_of_the_model(given: float | None, overlap: float) -> None:
    trained: Any = SimpleNamespace(model=model(window_overlap=0.25))
    assert Predictor(trained, overlap=given).window_overlap == overlap
