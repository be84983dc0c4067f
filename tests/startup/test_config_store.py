"""Hydra's store of structured configs is shared by its copies, and nothing that is taken from it changes it."""

import copy
from collections.abc import Iterator

import pytest
from hydra.core.config_store import ConfigStore

from convsweep.startup.config_store import share_config_store


@pytest.fixture
def store() -> Iterator[ConfigStore]:
    """The store with a config of the test."""
    share_config_store()
    store = ConfigStore.instance()
    store.store(group="of_a_test", name="numbers", node={"one": 1})
    yield store
    del store.repo["of_a_test"]
    del ConfigStore.__deepcopy__  # type: ignore[attr-defined]


def test_a_copy_is_the_store(store: ConfigStore) -> None:
    assert copy.deepcopy({"sources": [store]})["sources"][0] is store


def test_what_is_taken_from_it_is_a_copy(store: ConfigStore) -> None:
    store.load("of_a_test/numbers.yaml").node.one = 2
    assert store.load("of_a_test/numbers.yaml").node.one == 1
