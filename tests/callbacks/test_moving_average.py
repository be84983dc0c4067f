"""The average of the weights: how it forgets, and that it is what is tested and kept."""

import json

import pytest
import torch
from tests.conftest import Train
from torch import nn
from torch.optim.swa_utils import AveragedModel

from convsweep.build import load_model
from convsweep.callbacks.moving_average import MovingAverage
from convsweep.data.digits import Digits
from convsweep.errors import UserError


@pytest.mark.parametrize(("steps", "kept"), [(0, 0.0), (1, 2 / 11), (8, 0.5), (80, 0.9), (1000, 0.9)])
def test_a_young_average_forgets_faster(steps: int, kept: float) -> None:
    assert MovingAverage(decay=0.9).kept_after(steps) == pytest.approx(kept)


def test_the_average_is_the_weighted_mean_of_all_weights_so_far() -> None:
    model, callback = nn.BatchNorm1d(2), MovingAverage(decay=0.9)
    callback._average_model = AveragedModel(model, use_buffers=True)
    history = []
    for step in range(4):
        nn.init.constant_(model.weight, step + 1.0)
        model.running_mean.fill_(10.0 * step)
        model.num_batches_tracked += 1
        callback.follow(model)
        history.append(callback._average_model.module.weight[0].item())
    expected = [1.0]
    for step, kept in ((1, 2 / 11), (2, 3 / 12), (3, 4 / 13)):
        expected.append(kept * expected[-1] + (1 - kept) * (step + 1.0))
    assert history == pytest.approx(expected)
    average = callback._average_model.module
    assert float(average.running_mean[0]) == pytest.approx(10 * (expected[-1] - 1))
    assert int(average.num_batches_tracked) == 4
    assert int(callback._average_model.n_averaged) == 4


def test_a_decay_is_a_share() -> None:
    with pytest.raises(UserError, match=r"decay must be at least 0 and below 1, but is 1\.5"):
        MovingAverage(decay=1.5)


def test_the_score_is_that_of_the_weights_that_are_kept(train: Train) -> None:
    folder = train("callbacks=ema", "trainer.max_epochs=2")
    model = load_model(folder / "checkpoints" / "best.ckpt")
    data = Digits(batch_size=500)
    data.setup("test")
    assert data.test is not None
    x, y = (torch.from_numpy(part[:]) for part in (data.test.x, data.test.y))
    accuracy = (model.predict_batch(x)["probs"].argmax(1) == y).double().mean().item()
    stated = json.loads((folder / "result.json").read_text())["test"]["test/accuracy"]
    assert accuracy == pytest.approx(stated, abs=1e-6)
    kept = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    assert any(not torch.equal(value, kept["current_model_state"][name]) for name, value in kept["state_dict"].items())
