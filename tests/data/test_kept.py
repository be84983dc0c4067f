"""A data set is read once for all trials of a process."""

from typing import Any

import numpy as np
import pytest

from convsweep.build import data_module
from convsweep.data import kept
from convsweep.data.digits import Digits
from convsweep.errors import UserError

CONFIG: dict[str, Any] = {"_target_": "convsweep.data.digits.Digits", "batch_size": 8, "seed": 1}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Digits]:
    """Note each reading, and begin and end with nothing kept."""
    done: list[Digits] = []
    read = Digits.read

    def noted(self: Digits) -> Any:
        done.append(self)
        return read(self)

    monkeypatch.setattr(Digits, "read", noted)
    monkeypatch.setattr(kept, "_kept", None)
    return done


def read(**changes: Any) -> Any:
    """Read a data set as a trial does."""
    config = CONFIG | changes
    data = data_module(config)
    data.setup("fit")
    kept.keep(config, data)
    return data


def crop(size: int) -> dict[str, Any]:
    return {"_target_": "torchvision.transforms.v2.RandomCrop", "size": size}


def test_it_is_fed_to_each_trial_as_its_config_says(reads: list[Digits]) -> None:
    first = read()
    other = read(
        batch_size=16, seed=2, permute=True, augment={"crop": {"_target_": "torchvision.transforms.v2.RandomCrop", "size": 8}}
    )
    assert read().train is other.train is first.train
    assert len(reads) == 1
    assert np.array_equal(other.mean, first.mean)
    assert np.array_equal(other.class_counts, first.class_counts)
    batches = [next(iter(data.train_dataloader())) for data in (first, other)]
    assert [len(x) for x, _ in batches] == [8, 16]
    assert (first.augmentation, first.positions) == (None, None)
    assert other.augmentation is not None
    assert other.positions is not None


class Own(Digits):
    """A data set that makes something of how it is fed, and fills in something else when it reads."""

    def __init__(self, **feeding: Any) -> None:
        super().__init__(**feeding)
        self.twice = 2 * self.feeding["batch_size"]
        self.count: int | None = None

    def read(self) -> Any:
        parts = super().read()
        self.count = len(parts[0])
        return parts


def test_only_what_reading_has_set_goes_to_the_next_one(reads: list[Digits]) -> None:
    first, other = (read(_target_="tests.data.test_kept.Own", batch_size=size) for size in (8, 16))
    assert len(reads) == 1
    assert (first.twice, other.twice) == (16, 32)
    assert other.count == 1797


@pytest.mark.parametrize("change", [{"val_fraction": 0.3}, {"split_seed": 1}, {"max_train": 100}, {"test_fraction": None}])
def test_it_is_read_again_where_its_parts_are_others(reads: list[Digits], change: dict[str, Any]) -> None:
    first, other = read(), read(**change)
    assert len(reads) == 2
    assert (other.train.names, other.test) != (first.train.names, first.test)


def test_a_transform_that_does_not_suit_kept_samples_is_named(reads: list[Digits]) -> None:
    read()
    with pytest.raises(UserError, match="augment"):
        read(augment={"crop": crop(80)})


def test_another_data_set_takes_the_place_of_the_one_that_was_kept(reads: list[Digits]) -> None:
    read()
    data_module({"_target_": "convsweep.data.scenes.Scenes", "batch_size": 8})
    assert kept._kept is None


def test_nothing_is_kept_where_no_trial_runs(reads: list[Digits]) -> None:
    for _ in range(2):
        data_module(CONFIG).setup()
    assert len(reads) == 2
