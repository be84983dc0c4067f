"""A loss of the group model/loss gets weights and ignored label of the task, or is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from tests.checkpoints import CONF, SCENES, SMALL
from tests.conftest import Train
from tiny import classifier, labelled, masked, segmenter
from torch import nn

from convsweep.cli.hydra_version import main_options
from convsweep.errors import UserError
from convsweep.losses.dice import dice_loss
from convsweep.losses.focal import Focal
from convsweep.losses.lovasz import Lovasz
from convsweep.losses.tversky import Tversky
from convsweep.training import build


def built(*overrides: str) -> Any:
    """Return the model of a config."""
    with initialize_config_dir(**main_options(), config_dir=str(CONF)):
        cfg = compose("config", list(overrides))
    data = build.build_data(cfg)
    data.setup()
    return build.build_model(cfg, data)


def test_a_classifier_weights_the_classes_of_a_chosen_loss() -> None:
    counts = torch.tensor([30, 10, 20, 40])
    model = classifier(loss=Focal(), class_weights="balanced", class_counts=counts)
    logits, y = torch.randn(16, 4), labelled()[1]
    expected = Focal()(logits, y, model.class_weight)
    torch.testing.assert_close(model.batch_loss(logits, y), expected)
    assert not torch.isclose(expected, Focal()(logits, y))


def test_a_segmenter_crops_the_target_ignores_its_label_and_adds_dice() -> None:
    logits, y = torch.randn(4, 3, 12, 12), masked()[1]
    y[:, 5] = 255
    model = segmenter(loss=Lovasz(), ignore_index=255, dice_weight=0.5)
    target = y[:, 2:-2, 2:-2]
    expected = Lovasz()(logits, target, None, 255) + 0.5 * dice_loss(logits, target, 255)
    torch.testing.assert_close(model.batch_loss(logits, y), expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"loss": Focal(), "label_smoothing": 0.1},
            "label_smoothing is not used by .* Focal",
        ),
        (
            {"loss": nn.CrossEntropyLoss(), "class_weights": "balanced"},
            "model.class_weights is not used by the loss CrossEntropyLoss of model/loss",
        ),
    ],
)
def test_an_option_that_the_loss_ignores_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        classifier(**options)
    with pytest.raises(UserError, match=r"model\.dice_weight is not used by the loss L1Loss"):
        segmenter(loss=nn.L1Loss(), dice_weight=1.0)


def test_classes_are_needed_and_probabilities_must_be_taken() -> None:
    with pytest.raises(UserError, match=r"Focal of .*, which denoising does not have; leave"):
        built("model=denoising", "data=signals", "model/loss=focal")
    mixed = [*SMALL, "data.mixup_alpha=0.2"]
    assert isinstance(built(*mixed, "model/loss=tversky").given_loss, Tversky)
    with pytest.raises(UserError, match=r"Lovasz of model/loss takes classes only; use cross-entr"):
        built(*mixed, "model/loss=lovasz")
    with pytest.raises(UserError, match=r"model.loss.activation must be one of softmax, sigmoid"):
        built(*SMALL, "model/loss=focal", "model.loss.activation=tanh")


def test_a_training_with_a_chosen_loss_is_loaded_with_it(train: Train) -> None:
    run = train(
        *SCENES,
        "model/loss=lovasz",
        "model.loss.cross_entropy_weight=1",
        "logger=none",
        "trainer=cpu",
        "trainer.max_epochs=1",
        quick=False,
    )
    loaded = build.load_model(Path(run) / "checkpoints" / "best.ckpt")
    assert isinstance(loaded.given_loss, Lovasz)
    assert loaded.given_loss.cross_entropy_weight == 1
