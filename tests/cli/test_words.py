"""Options that are words are held to those that the constructor, or what it hands on, allows."""

from collections.abc import Callable
from typing import Any, get_args

import pytest

from convsweep.data.sources.arrays import Arrays
from convsweep.data.sources.volumes import Volumes
from convsweep.errors import UserError
from convsweep.literal_options import annotations, check_words
from convsweep.models.schedules import one_cycle, plateau
from convsweep.tasks.classification import Classification
from convsweep.tasks.denoising import Denoising
from convsweep.tasks.segmentation import Segmentation


@pytest.mark.parametrize(
    ("target", "option", "word"),
    [
        (Classification, "class_weights", "balancd"),
        (Segmentation, "class_weights", "equal"),
        (Segmentation, "memory_format", "channels_first"),
        (Classification, "recompute", "all"),
        (Denoising, "compile", "fast"),
        (Denoising, "waveform_loss", "l3"),
        (Denoising, "predicts", "voice"),
        (Denoising, "normalize_by", "loudness"),
        (one_cycle, "anneal", "cosine"),
        (plateau, "mode", "maximum"),
    ],
)
def test_what_a_constructor_or_its_base_does_not_know_is_refused(
    target: Callable[..., Any], option: str, word: str
) -> None:
    check_words("part", target, {option: get_args(annotations(target)[option])[0]})
    with pytest.raises(UserError, match=rf"part\.{option} must be one of .*, but is '{word}'"):
        check_words("part", target, {option: word})


def test_what_draws_masks_and_kinds_is_for_no_denoiser() -> None:
    with pytest.raises(
        UserError, match=r"data\.task must be one that this data is drawn for, but is .denoising."
    ):
        Volumes(task="denoising")


def test_a_task_that_does_not_exist_is_refused() -> None:
    with pytest.raises(
        UserError,
        match=(
            r"a task must be one that is defined, but is 'segmentaton'; did you mean"
            r" 'segmentation'\?"
        ),
    ):
        Arrays("somewhere.npz", task="segmentaton")


def test_options_that_are_handed_on_are_checked() -> None:
    check_words("data", Arrays, {"channels": "last", "hold": "disk", "augment_by": "sample"})
    with pytest.raises(UserError, match=r"data\.hold must be one of .*did you mean 'disk'"):
        check_words("data", Arrays, {"hold": "dsk"})
