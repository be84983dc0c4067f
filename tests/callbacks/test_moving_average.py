"""The average of the weights: how it forgets, and that it is what is tested and kept."""

import json

import pytest
import torch
from tests.conftest import Train

from convsweep.build import load_model
from convsweep.callbacks.moving_average import MovingAverage
from convsweep.data.digits import Digits
from convsweep.errors import UserError


@pytest.mark.parametrize(("steps", "kept"), [(1, 2 / 11), (8, 0.5), (80, 0.9), (1000, 0.9)])
def test_a_young_average_forgets_faster(steps: int, kept: float) -> None:
    average = MovingAverage(decay=0.9).averaged(torch.tensor(1.0), torch.tensor(0.0), torch.tensor(steps))
    assert average.item() == pytest.approx(kept)


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
