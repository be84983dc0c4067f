"""Models learn: a tiny random batch is overfitted, and what is logged is what can be monitored."""

from functools import partial
from typing import Any

import pytest
import torch
from tiny import Quiet, classifier, fit, labelled, masked, segmenter
from torch import Tensor, nn

from convsweep.errors import DivergedError, UserError
from convsweep.models.schedules import cosine, plateau
from convsweep.nets import UNet

ADAM = partial(torch.optim.Adam, lr=1e-2)


def test_classification_overfits_random_labels() -> None:
    logged = fit(classifier(optimizer=ADAM), labelled(), epochs=40)
    assert logged["train/loss"] < 0.05
    assert logged["val/accuracy"] == 1.0


@pytest.mark.parametrize(
    "options", [{}, {"dice_weight": 1.0}, {"class_weights": "balanced"}], ids=str
)
def test_segmentation_overfits_a_batch(options: dict[str, Any]) -> None:
    logged = fit(segmenter(optimizer=ADAM, **options), masked(), epochs=40, batch_size=4)
    assert logged["train/loss"] < 0.25
    assert logged["val/miou"] > 0.85


@pytest.mark.parametrize("num_classes", [2, 4, 7])
def test_classifier_logs_what_it_says_it_does(num_classes: int) -> None:
    model = classifier(num_classes)
    logged = fit(model, labelled(num_classes=num_classes), epochs=1, batch_size=8)
    assert logged.keys() == set(model.metric_names())
    assert ("val/top5" in logged) == (num_classes > 5)


def test_segmenter_logs_what_it_says_it_does() -> None:
    model = segmenter()
    logged = fit(model, masked(), epochs=1, batch_size=2)
    assert logged.keys() == set(model.metric_names())
    assert {
        "val/iou/c0",
        "val/iou/c1",
        "val/iou/c2",
        "val/miou",
        "val/dice",
        "val/pixel_accuracy",
    } < logged.keys()


def test_logged_loss_is_the_mean_over_samples_not_over_batches() -> None:
    model = classifier(
        optimizer=partial(torch.optim.SGD, lr=0.0),
        net=nn.Sequential(nn.Flatten(), nn.Linear(64, 4)),
    )
    x, y = labelled(10)
    logged = fit(model, (x, y), epochs=1, batch_size=4)
    with torch.no_grad():
        expected = float(nn.functional.cross_entropy(model(x), y))
    assert logged["train/loss"] == pytest.approx(expected, rel=1e-5)
    assert logged["val/loss"] == pytest.approx(expected, rel=1e-5)


def test_diverged_training_ends_with_the_epoch_and_a_remedy() -> None:
    model = classifier(optimizer=partial(torch.optim.SGD, lr=1e30))
    with pytest.raises(
        DivergedError,
        match=r"must stay finite, but is nan in epoch \d+; use a smaller optimizer.lr",
    ):
        fit(model, labelled(), epochs=20, batch_size=8)


def test_valid_unet_learns_the_middle_of_the_mask() -> None:
    net = UNet((1, 36, 36), 3, depth=1, width=16, padding="valid", num_convs=1)
    x, y = masked(size=36)
    y[:, 0] = 1  # the border, of which the network says nothing, cannot be learnt
    logged = fit(segmenter(net=net, optimizer=ADAM), (x, y), epochs=30, batch_size=4)
    assert net.out_spatial[0] < 36
    assert logged["train/loss"] < 0.4


def test_masks_that_count_nowhere_do_not_end_a_training() -> None:
    x, y = masked()
    y[2:] = 255
    logged = fit(segmenter(ignore_index=255, dice_weight=1.0), (x, y), epochs=1, batch_size=2)
    assert all(value == value for value in logged.values())


def test_ignored_positions_teach_nothing() -> None:
    _, y = masked()
    y[:, :8] = 255
    model = segmenter(ignore_index=255)
    logits = torch.randn(4, 3, 16, 16, requires_grad=True)
    model.loss(logits, y).backward()
    assert logits.grad[:, :, :8].abs().sum() == 0
    assert logits.grad[:, :, 8:].abs().sum() > 0


def test_label_smoothing_is_a_probability() -> None:
    with pytest.raises(UserError, match=r"model.label_smoothing must be a probability.*but is 1.0"):
        classifier(label_smoothing=1.0)
    logits, y = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0])
    target = 0.8 * nn.functional.one_hot(y, 4) + 0.05
    by_hand = -(target * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(classifier(label_smoothing=0.2).loss(logits, y), by_hand)


def test_prediction_gives_probabilities_of_raw_samples() -> None:
    model = segmenter().eval()
    probs = model.predict_batch(masked()[0])["probs"]
    assert probs.shape == (4, 3, 16, 16)
    torch.testing.assert_close(probs.sum(1), torch.ones(4, 16, 16))


def test_schedule_walks_over_all_steps_of_the_training() -> None:
    model = classifier(
        optimizer=partial(torch.optim.SGD, lr=0.1), schedule=partial(cosine, warmup=0.0)
    )
    fit(model, labelled(), epochs=3, batch_size=4)
    assert model.trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.0, abs=1e-9)
    assert model.trainer.global_step == 12


class Unteachable(nn.Module):
    """Gives the same logits whatever it has learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :4] * 0 + 0 * self.weight


@pytest.mark.parametrize(("every", "lr"), [(1, 0.5**5), (2, 0.5**2), (3, 0.5)])
def test_plateau_counts_validations(every: int, lr: float) -> None:
    schedule = partial(plateau, mode="min", factor=0.5, patience=0)
    model = classifier(
        net=Unteachable(),
        optimizer=partial(torch.optim.SGD, lr=1.0),
        schedule=schedule,
        monitor="val/loss",
    )
    fit(model, labelled(), epochs=6, check_val_every_n_epoch=every)
    assert model.trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(lr)


def test_schedule_needs_an_end() -> None:
    model = classifier(schedule=cosine)
    with pytest.raises(
        UserError, match=r"trainer.max_epochs=-1 sets none; set max_epochs, or use scheduler=none"
    ):
        fit(model, labelled(), epochs=-1)


def test_quiet_trainer_leaves_no_files(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    fit(classifier(), labelled(), epochs=1)
    assert list(tmp_path.iterdir()) == []
    assert Quiet(max_epochs=1).logger is None
