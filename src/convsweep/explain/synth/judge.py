"""Classification of class images by an independent second network."""

from typing import Any

import torch
from torch import Tensor

from convsweep.errors import UserError
from convsweep.explain.synth.pictures import resize
from convsweep.explain.synth.subject import SynthSubject


def check_judge(judge: SynthSubject, subject: SynthSubject) -> None:
    """Check that a second network can judge the images of the first.

    Raises:
        UserError: classes or channels differ.
    """
    if (
        judge.class_names != subject.class_names
        or judge.in_shape[0] != subject.in_shape[0]
        or not judge.task.has_labels
    ):
        raise UserError(
            "judge must be a classifier of the same classes and channels as the network that made"
            " the images"
        )


@torch.no_grad()
def judge_images(
    judge: SynthSubject, subject: SynthSubject, images: Tensor, classes: Tensor
) -> dict[str, Any]:
    """Return the share of images whose class the second network recognises, and its prediction for
    each.

    Args:
        images: (N, C, *spatial) in the units of `subject`.
        classes: (N,) that they were made for.
    """
    raw = subject.raw(images).to(judge.device)
    if tuple(raw.shape[1:]) != judge.in_shape:
        raw = resize(raw, judge.in_shape[1:])
    seen = judge.logits(judge.units(raw)).argmax(dim=1)
    right = seen == classes.to(seen.device)
    return {
        "accuracy": float(right.float().mean()),
        "taken_for": [judge.class_names[index] for index in seen.tolist()],
    }
