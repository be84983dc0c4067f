"""Plans: how samples are augmented."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convsweep.planning.decisions import Decisions
from convsweep.planning.given import parse_given
from convsweep.planning.look.look import Look
from convsweep.planning.look.mirror import Mirrored
from convsweep.planning.reading import make_look
from convsweep.planning.rules.augmentation import decide_augmentation
from convsweep.task import CLASSIFICATION, MULTI_LABEL, REGRESSION


def augmented(task: str, *in_shape: int) -> tuple[str, list[str]]:
    """Return the augmentation of samples without a direction, and the options to search."""
    decisions = Decisions(parse_given(["data=digits"]))
    alike = {axes: Mirrored(0.5, 1000) for axes in ("left and right", "up and down")}
    look = Look(task, list(in_shape), ["a", "b"], {"train": 1000}, mirrored=alike)
    options = decide_augmentation(decisions, look)
    return str(decisions.get("data/augment")), options


@pytest.mark.parametrize(
    ("in_shape", "option"), [((1, 32, 32), "flips"), ((1, 16, 16, 16), "mirror")]
)
def test_numbers_which_a_mirror_may_change_are_not_augmented_without_a_trial(
    in_shape: tuple[int, ...], option: str
) -> None:
    assert augmented(CLASSIFICATION, *in_shape)[0] == option
    assert augmented(MULTI_LABEL, *in_shape)[0] == option
    chosen, options = augmented(REGRESSION, *in_shape)
    assert chosen == "none"
    assert option in options, "the search may find that it helps"


def test_labels_that_mirror_into_each_other_have_a_direction(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    rows = []
    for number in range(400):
        label = ("left", "right")[number % 2]
        slope = np.linspace(0, 100, 16) * (1 if label == "right" else -1)
        pixels = 128 + slope + generator.normal(0, 20, (16, 16))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / f"{number}.png")
        rows.append([f"{number}.png", label])
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file", "labels"], *rows])
    given = [
        "data=image_table",
        f"data.root={tmp_path}",
        "data.task=multi_label",
        "data.list_column=labels",
    ]
    look: Look = make_look(parse_given(given))[1]
    assert look.mirrored["left and right"].accuracy > 0.95
    assert look.mirrored["up and down"].is_alike
