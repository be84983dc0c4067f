"""Images and a CSV file: what is read, and what is said when the table is not as it should be."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_images import draw
from PIL import Image

from convsweep.data.sources.image_table import ImageTable
from convsweep.errors import UserError

AGES = [20.5, 31, 44, 28, 60, 52, 18, 73, 35, 41]


def people(
    root: Path, rows: Sequence[Sequence[object]] | None = None, header: str = "file,age,height"
) -> Path:
    """Write ten images below a folder, and a table of them or with the given rows."""
    for number in range(len(AGES)):
        draw(root / "faces" / f"{number}.png")
    own = [[f"faces/{number}.png", age, 100 + age] for number, age in enumerate(AGES)]
    with (root / "labels.csv").open("w", newline="") as file:
        file.write(header + "\n")
        csv.writer(file).writerows(own if rows is None else rows)
    return root


def table(root: Path, **options: Any) -> ImageTable:
    return ImageTable(str(root), batch_size=2, **options)


def test_each_image_has_the_numbers_of_its_row(tmp_path: Path) -> None:
    data = table(people(tmp_path))
    assert (data.info.in_shape, data.info.class_names, data.info.task) == (
        (3, 12, 16),
        ("age", "height"),
        "regression",
    )
    x, y = next(iter(data.val_dataloader()))
    assert (x.shape[1:], y.shape[1:], str(y.dtype)) == ((3, 12, 16), (2,), "torch.float32")
    for samples in (data.train, data.val, data.test):
        assert samples is not None
        for image, (age, height), name in zip(samples.x, samples.y, samples.names, strict=True):
            assert age == AGES[int(Path(name).stem)] == height - 100
            stored = np.asarray(Image.open(tmp_path / name))
            assert np.array_equal(image.transpose(1, 2, 0), stored)
    mean, std = data.target_statistics or ((), ())
    np.testing.assert_allclose(mean, np.asarray(data.train.y).mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(std, np.asarray(data.train.y).std(axis=0), rtol=1e-6)


def test_a_column_of_the_table_names_groups(tmp_path: Path) -> None:
    rows = [[f"faces/{i}.png", age, f"patient{i // 2}"] for i, age in enumerate(AGES)]
    data = table(people(tmp_path, rows, "file,age,patient"), group="patient", val_fraction=0.2)
    assert data.info.class_names == ("age",)
    assert data.test is not None
    parts = [
        {int(Path(name).stem) // 2 for name in part.names}
        for part in (data.train, data.val, data.test)
    ]
    assert [len(part) for part in parts] == [3, 1, 1]
    assert len(set.union(*parts)) == 5
    rows[3][2] = ""
    with pytest.raises(UserError, match=r"column 'patient' .* is empty for faces/3\.png"):
        table(people(tmp_path, rows, "file,age,patient"), group="patient").setup()


def test_columns_and_parts_are_those_that_are_named(tmp_path: Path) -> None:
    parts = ["train"] * 6 + ["Valid", "validation", "test", "test"]
    rows = [
        [age, f"faces/{i}", part] for i, (age, part) in enumerate(zip(AGES, parts, strict=True))
    ]
    root = people(tmp_path / "people", rows, "age;name;part".replace(";", ","))
    data = table(root, file_column="name", part_column="part")
    assert data.info.class_names == ("age",)
    assert data.test is not None
    assert [part.y[:, 0].tolist() for part in (data.train, data.val, data.test)] == [
        AGES[:6],
        AGES[6:8],
        AGES[8:],
    ]
    assert table(root, file_column="name", targets=["age"]).info.class_names == ("age",)


def test_a_table_of_excel_is_read(tmp_path: Path) -> None:
    root = people(tmp_path)
    text = (root / "labels.csv").read_text().replace(",", ";")
    (root / "labels.csv").write_text(text, encoding="utf-8-sig")
    assert table(root).info.class_names == ("age", "height")


GOOD = [[f"faces/{number}.png", age, 0] for number, age in enumerate(AGES)]


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([*GOOD[1:], ["faces/10.png", 1, 2]], {}, r"1 of 10 in .* do not: faces/10\.png; correct"),
        ([*GOOD, ["faces/3", 1, 2]], {}, r"one row, but .* names faces/3\.png more than once"),
        ([*GOOD[1:], ["faces/0.png", "old", 2]], {}, r"finite numbers.*faces/0\.png \(age='old'\)"),
        ([*GOOD[1:], ["faces/0.png", "", 2]], {}, r"finite numbers.*\(age=''\)"),
        ([*GOOD[1:], ["faces/0.png", "nan", 2]], {}, r"finite numbers.*\(age='nan'\)"),
        ([*GOOD[1:], ["faces/0.png", 1]], {}, "must have 3 cells .* row 11 has not"),
        (GOOD, {"targets": ["agee"]}, "'agee' is not; did you mean 'age'"),
        (GOOD, {"targets": []}, "needs a column or label to predict"),
        (GOOD, {"file_column": "path"}, "'path' is not; use one of: age, file, height"),
        (GOOD, {"part_column": "age"}, "Parts must be train, val or test, but column 'age'"),
        (GOOD, {"table": "lables.csv"}, r"lables\.csv does not exist; did you mean 'labels\.csv'"),
        (GOOD, {"task": "classification"}, "must be regression or multi_label.*image_folder"),
        (GOOD, {}, "must differ from sample to sample, but height is the same in all"),
        ([], {}, "a row for each sample, but .* holds 1 lines"),
    ],
)
def test_mistake_is_one_message(
    tmp_path: Path, rows: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        table(people(tmp_path, rows), **options).setup()


LISTS = [
    ["0", "cat; dog"],
    ["1", ""],
    ["2", "dog"],
    ["3", "cat"],
    ["4", "cat;dog;owl"],
    ["5", "owl"],
    ["6", ""],
    ["7", "owl;cat"],
    ["8", "dog"],
    ["9", "owl"],
]
COLUMNS = [
    [name, *(int(animal in labels) for animal in ("cat", "dog", "owl"))] for name, labels in LISTS
]


def animals(root: Path, rows: Any, header: str, **options: Any) -> ImageTable:
    named = [[f"faces/{name}.png", *cells] for name, *cells in rows]
    data = table(people(root, named, header), task="multi_label", test_fraction=None, **options)
    data.setup()
    return data


def test_lists_and_columns_of_labels_are_the_same(tmp_path: Path) -> None:
    lists = animals(tmp_path / "lists", LISTS, "file,animals", list_column="animals")
    columns = animals(tmp_path / "columns", COLUMNS, "file,cat,dog,owl")
    for data in (lists, columns):
        assert (data.info.task, data.info.class_names) == ("multi_label", ("cat", "dog", "owl"))
        for name, y in zip(data.train.names, data.train.y, strict=True):
            assert y.tolist() == COLUMNS[int(Path(name).stem)][1:]
        assert data.class_counts.tolist() == np.asarray(data.train.y).sum(axis=0).tolist()
    assert lists.train.names == columns.train.names


@pytest.mark.parametrize(
    ("rows", "header", "options", "message"),
    [
        ([*COLUMNS[1:], ["0", 2, 0, 1]], "file,cat,dog,owl", {}, r"0 or 1, but .*\(cat='2'\)"),
        ([*COLUMNS[1:], ["0", "", 0, 1]], "file,cat,dog,owl", {}, r"0 or 1, but .*\(cat=''\)"),
        (
            LISTS,
            "file,animals",
            {"list_column": "animals", "targets": ["cat", "dog"]},
            r"must be among cat, dog, but .* holds 'owl' of faces/4\.png",
        ),
        (
            LISTS,
            "file,animals",
            {"list_column": "animals", "targets": ["cat", "dog", "owl", "eel"]},
            "must occur in a sample of the training part, but eel has 0 of",
        ),
        (
            [[name, f"any;{labels}"] for name, labels in LISTS],
            "file,animals",
            {"list_column": "animals"},
            "must be absent from a sample of the training part, but any has",
        ),
        (LISTS, "file,animals", {"list_column": "tags"}, "'tags' is not; use one of"),
    ],
)
def test_wrong_labels_are_one_message(
    tmp_path: Path, rows: Any, header: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        animals(tmp_path, rows, header, **options)


def test_lists_are_for_labels_alone(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"use data\.task=multi_label or leave it out"):
        table(people(tmp_path), list_column="age")


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"different names, but .* has age twice"):
        table(people(tmp_path, GOOD, "file,age,age")).describe()
