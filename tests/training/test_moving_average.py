"""The average of the weights: how it forgets, and that it is what is tested and kept."""

import copy
import json
from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from convsweep.data.sources.digits import Digits
from convsweep.errors import UserError
from convsweep.training.build import load_model
from convsweep.training.callbacks.moving_average import MovingAverage, tensors_of
from tests.conftest import Train
from tests.models.tiny import classifier, fit, labelled


@pytest.mark.parametrize(
    ("steps", "kept"), [(0, 0.0), (1, 2 / 11), (8, 0.5), (80, 0.9), (1000, 0.9)]
)
def test_a_young_average_forgets_faster(steps: int, kept: float) -> None:
    assert MovingAverage(decay=0.9).decay_after(steps) == pytest.approx(kept)


def test_the_average_is_the_weighted_mean_of_all_weights_so_far() -> None:
    model, callback = nn.BatchNorm1d(2), MovingAverage(decay=0.9)
    callback.average = {name: tensor.detach().clone() for name, tensor in tensors_of(model).items()}
    history = []
    for step in range(4):
        nn.init.constant_(model.weight, step + 1.0)
        model.running_mean.fill_(10.0 * step)
        model.num_batches_tracked += 1
        callback.follow(model)
        history.append(callback.average["weight"][0].item())
    expected = [1.0]
    for step, kept in ((1, 2 / 11), (2, 3 / 12), (3, 4 / 13)):
        expected.append(kept * expected[-1] + (1 - kept) * (step + 1.0))
    assert history == pytest.approx(expected)
    assert float(callback.average["running_mean"][0]) == pytest.approx(10 * (expected[-1] - 1))
    assert int(callback.average["num_batches_tracked"]) == 4
    assert callback.steps == 4


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_a_training_that_goes_on_averages_as_one_without_a_pause(tmp_path: Path) -> None:
    first, data, options = (
        classifier(),
        labelled(),
        {"enable_checkpointing": False, "default_root_dir": tmp_path},
    )
    whole, halves = copy.deepcopy(first), copy.deepcopy(first)
    fit(whole, data, 4, callbacks=[MovingAverage()], **options)
    keep = ModelCheckpoint(dirpath=tmp_path, filename="half")
    fit(
        first,
        data,
        2,
        callbacks=[MovingAverage(), keep],
        **(options | {"enable_checkpointing": True}),
    )
    # Lightning warns where a callback of the checkpoint is missing
    again = ModelCheckpoint(dirpath=tmp_path, filename="half")
    resumed = options | {"enable_checkpointing": True, "ckpt_path": tmp_path / "half.ckpt"}
    fit(halves, data, 4, callbacks=[MovingAverage(), again], **resumed)
    torch.testing.assert_close(halves.state_dict(), whole.state_dict())


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
    assert any(
        not torch.equal(value, kept["current_model_state"][name])
        for name, value in kept["state_dict"].items()
    )
