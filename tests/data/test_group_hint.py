"""Groups are suggested where folders or names of files say so, and not elsewhere."""

import numpy as np
import pytest

from convsweep.data.group_hint import PATTERN, hint_of_groups
from convsweep.data.groups import folder_below_parts, groups_of


def numbered(form: str, groups: list[str], count: int = 5) -> list[str]:
    return [form.format(group=group, i=i) for group in groups for i in range(count)]


SCENES = numbered("images/{group}_{i:06}.png", ["0001TP", "0006R0", "0016E5", "Seq05VD"])
PATIENTS = numbered("scans/{group}/{i}.nii.gz", ["p1", "p2", "p3"])


@pytest.mark.parametrize(
    ("names", "option"),
    [
        (SCENES, f"data.group='{PATTERN}'"),
        (numbered("{group}-{i}.wav", ["spk01", "spk02", "spk03"]), f"data.group='{PATTERN}'"),
        (numbered("{group}_slice{i}.png", ["patient1", "patient2", "patient3"]), "data.group='"),
        (PATIENTS, "data.group=folder keeps"),
    ],
)
def test_scenes_speakers_and_patients_are_suggested(names: list[str], option: str) -> None:
    assert option in str(hint_of_groups(names, folder_below_parts, None))


@pytest.mark.parametrize(
    "names",
    [
        [f"images/IMG_{i:04}.jpg" for i in range(50)],
        [f"{i:04}.png" for i in range(50)],
        [f"train/{i}" for i in range(50)],
        [f"{i:03}_left.png" for i in range(50)],
        numbered("{group}_{i}.png", ["cat", "dog", "horse", "sheep"]),
        numbered("{group}_{i}.flac", [str(digit) for digit in range(10)]),
        numbered("{group}-03-{i:02}.jpg", ["2019", "2020", "2021"]),
        [f"{i:032x}.png" for i in range(7**9, 7**9 + 50)],
        [f"s{i}_1.png" for i in range(50)],
        SCENES[:10],
        [*SCENES, "images/other.png"],
    ],
)
def test_other_names_are_left_alone(names: list[str]) -> None:
    assert hint_of_groups(names, lambda name: "", None) is None


def test_names_that_hold_the_class_are_left_alone() -> None:
    names = numbered("{group}_{i}.png", ["class1", "class2", "class3"])
    labels = np.repeat([0, 1, 2], 5)
    assert hint_of_groups(names, lambda name: "", labels) is None
    assert hint_of_groups(names, lambda name: "", np.arange(15) % 3) is not None


def test_the_suggested_pattern_finds_the_groups() -> None:
    assert set(groups_of(SCENES, PATTERN, str)) == {"0001TP", "0006R0", "0016E5", "Seq05VD"}
