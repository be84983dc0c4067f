"""A student learns from a teacher's outputs and feature maps; the teacher stays as it is."""

from typing import Any

import pytest
import torch
from tiny import classifier, fit, labelled, masked, segmenter
from torch import Tensor
from torch.nn import functional as F

from convsweep.errors import UserError
from convsweep.models.base import Model
from convsweep.models.distillation import (
    Distillation,
    Teacher,
    feature_distance,
    feature_parts,
    logit_distance,
)
from convsweep.nets import ConvNet, UNet


def net_of(width: int, **options: Any) -> ConvNet:
    return ConvNet((1, 8, 8), 4, num_stages=2, width=width, **options)


def taught(student: Model, teacher: Model, **options: float) -> Model:
    student.learn_from(Teacher(teacher, Distillation(**options)))
    return student


def values(model: Model) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("size", [(), (7,), (5, 4), (3, 4, 2)])
def test_distance_is_the_cross_entropy_of_softened_outputs_without_the_entropy(
    size: tuple[int, ...],
) -> None:
    logits, theirs = torch.randn(2, 6, 3, *size)
    soft = (theirs / 2).softmax(1)
    entropy = -(soft * soft.log()).sum(1).mean()
    expected = 4 * (F.cross_entropy(logits / 2, soft) - entropy)
    torch.testing.assert_close(logit_distance(logits, theirs, 2.0, None), expected)
    assert float(logit_distance(logits, logits, 2.0, None)) == pytest.approx(0, abs=1e-5)


def test_gradient_at_a_high_temperature_is_that_of_the_logits_difference() -> None:
    """Hinton et al. 2015, eq. 4, for logits of mean 0."""
    logits, theirs = (each - each.mean(1, keepdim=True) for each in torch.randn(2, 5, 4).double())
    logits.requires_grad_()
    logit_distance(logits, theirs, 1000.0, None).backward()
    expected = (logits.detach() - theirs) / (4 * 5)
    torch.testing.assert_close(logits.grad, expected, rtol=1e-2, atol=1e-3)


def test_positions_that_do_not_count_and_borders_that_one_lacks_are_left_out() -> None:
    logits, theirs = torch.randn(2, 3, 6, 6), torch.randn(2, 3, 10, 10)
    counted = torch.ones(2, 6, 6, dtype=torch.bool)
    counted[:, 3:] = False
    expected = logit_distance(logits[:, :, :3], theirs[:, :, 2:5, 2:-2], 2.0, None)
    torch.testing.assert_close(logit_distance(logits, theirs, 2.0, counted), expected)
    torch.testing.assert_close(
        logit_distance(theirs, logits, 2.0, None),
        logit_distance(theirs[:, :, 2:-2, 2:-2], logits, 2.0, None),
    )


def test_a_step_weighs_labels_teacher_and_features() -> None:
    student, teacher = classifier(), classifier()
    x, y = labelled()
    taught(student, teacher, weight=0.3, temperature=2.0, feature_weight=0.1)
    assert student.teacher is not None
    assert student.teacher.shared == list(feature_parts(student.net))
    logits = student(x)
    with torch.no_grad():
        theirs = teacher(x)
    features = [dict(each) for each in student.teacher.features]
    loss = student.teacher.add_to(student.loss(logits, y), x, logits, None)
    by_hand = 0.7 * F.cross_entropy(logits, y) + 0.3 * logit_distance(logits, theirs, 2.0, None)
    own, target = (list(each.values()) for each in features)
    distances = [F.mse_loss(a, b) / b.square().mean() for a, b in zip(own, target, strict=True)]
    expected = by_hand + 0.1 * torch.stack(distances).mean()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(feature_distance(*features), torch.stack(distances).mean())
    assert not any(student.teacher.features), "a step's feature maps must not stay in memory"


def test_the_teacher_is_not_part_of_the_student_and_does_not_train() -> None:
    student, teacher = classifier(), classifier(net=net_of(24))
    names, before = set(student.state_dict()), values(teacher)
    logged = fit(taught(student, teacher, weight=1.0), labelled(), epochs=2)
    assert set(student.state_dict()) == names
    assert all(parameter.grad is None for parameter in teacher.parameters())
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert logged["train/loss"] > 0


def test_a_student_comes_to_answer_as_its_teacher() -> None:
    x, y = labelled(32)
    teacher = classifier()
    student = taught(classifier(), teacher, weight=1.0, temperature=1.0)
    before = logit_distance(student(x), teacher(x), 1.0, None)
    fit(student, (x, y), epochs=30)
    assert logit_distance(student.eval()(x), teacher(x), 1.0, None) < 0.2 * before


def test_a_segmenter_leaves_ignored_positions_to_nobody() -> None:
    x, y = masked()
    y[:, 4:] = 255
    student = taught(segmenter(ignore_index=255), segmenter(), weight=1.0)
    assert student.teacher is not None
    logits = student(x)
    loss = student.teacher.add_to(
        logits.new_zeros(()), x, logits, student.counted_positions(logits, y)
    )
    (slope,) = torch.autograd.grad(loss, logits)
    assert float(slope[:, :, 4:].abs().sum()) == 0 < float(slope[:, :, :4].abs().sum())


def test_feature_maps_of_the_same_place_and_shape_are_shared() -> None:
    student = taught(
        segmenter(net=UNet((1, 16, 16), 3, depth=2, width=8)),
        segmenter(net=UNet((1, 16, 16), 3, depth=3, width=8)),
        feature_weight=1.0,
    )
    assert student.teacher is not None
    assert student.teacher.shared == ["encoder 0", "encoder 1", "encoder 2"]
    logged = fit(student, masked(), epochs=1, batch_size=2)
    assert logged["train/loss"] > 0


def test_what_cannot_be_taught_is_refused() -> None:
    with pytest.raises(UserError, match=r"stage 1 8x4x4, .* and stage 1 12x4x4"):
        taught(classifier(net=net_of(8)), classifier(net=net_of(12)), feature_weight=1.0)
    with pytest.raises(UserError, match=r"feature_weight needs .* model\.compile=none"):
        taught(classifier(compile="default"), classifier(), feature_weight=1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": 1.5}, "distillation.weight must be from 0 to 1, but is 1.5"),
        ({"temperature": 0.0}, "distillation.temperature must be above 0"),
        ({"feature_weight": -1.0}, "distillation.feature_weight must be a number >= 0"),
    ],
)
def test_weights_out_of_range_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Distillation(**options)
