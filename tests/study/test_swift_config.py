"""What a swift OmegaConf writes, resolves and copies is what it writes, resolves and copies without."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any

import omegaconf.base
import omegaconf.omegaconf
import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import MISSING, DictConfig, ListConfig, Node, OmegaConf

from hydra_plugins.study.search.swift_config import make_swift

ROOT = Path(__file__).parents[2]
ODD = {"text": "1e3", "word": "yes", "empty": "", "long": "a b " * 60, "umlaut": "Größe µm", "lines": "a\nb", "none": None}
NUMBERS = {"nan": float("nan"), "small": 1e-7, "several": [1, "2", [True, "false"]], "key: odd": {"#": "- x"}}


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(omegaconf.base, "parse", omegaconf.base.parse)  # type: ignore[attr-defined]
    for kind in (DictConfig, ListConfig):
        monkeypatch.setattr(kind, "__deepcopy__", kind.__deepcopy__)
    monkeypatch.setattr(omegaconf.omegaconf, "get_omega_conf_dumper", omegaconf.omegaconf.get_omega_conf_dumper)  # type: ignore[attr-defined]


@pytest.fixture
def config() -> Iterator[DictConfig]:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        made = compose("config", overrides=["+odd={}"], return_hydra_config=True)
        made.odd = {**ODD, **NUMBERS, "reference": "${odd.word}/${name}"}
        yield made


def said(config: DictConfig) -> tuple[str, Any, Any]:
    task = OmegaConf.masked_copy(config, ["odd", "model", "optimizer", "monitor"])
    return OmegaConf.to_yaml(config), config.odd.reference, OmegaConf.to_container(task.odd.several, resolve=True)


@pytest.mark.usefixtures("restored")
def test_texts_and_values_stay_the_same(config: DictConfig) -> None:
    config.name, config.hydra.runtime.output_dir = "here", "there"
    before = said(config)
    make_swift()
    assert issubclass(omegaconf.omegaconf.get_omega_conf_dumper(), yaml.CDumper)  # type: ignore[attr-defined]
    assert said(config) == before


@pytest.mark.usefixtures("restored")
def test_a_remembered_reference_is_resolved_anew(config: DictConfig) -> None:
    make_swift()
    config.name = "first"
    assert config.odd.reference == "yes/first"
    config.name = "second"
    assert config.odd.reference == "yes/second"


@pytest.mark.usefixtures("restored")
def test_a_broken_reference_is_refused_each_time() -> None:
    make_swift()
    for _ in range(2):
        with pytest.raises(omegaconf.errors.GrammarParseError):
            OmegaConf.create({"x": 1, "y": "${x"})


class Colour(Enum):
    RED = 1


@dataclass
class Typed:
    count: int = 3
    colour: Colour = Colour.RED
    path: Path = Path("a/b")
    either: int | str = "x"
    numbers: list[float] = field(default_factory=lambda: [1.0, 2.0])
    missing: str = MISSING
    nothing: dict[str, int] | None = None


def nodes(node: Any) -> list[tuple[Any, ...]]:
    """Return all that a node and those below it hold, with their types, and whether each knows its parent."""
    held = {key: value for key, value in vars(node).items() if key not in ("_content", "_parent", "_flags_cache")}
    content = vars(node).get("_content")
    below = content.values() if isinstance(content, dict) else content if isinstance(content, list) else []
    below = [content] if isinstance(content, Node) else list(below)
    plain = None if below else content
    return [
        (type(node), held, plain, all(child._get_parent() is node for child in below)),
        *chain.from_iterable(map(nodes, below)),
    ]


@pytest.mark.usefixtures("restored")
def test_a_copy_is_the_copy_that_it_was(config: DictConfig) -> None:
    OmegaConf.set_struct(config, False)
    config.odd.typed, config.odd.absent = OmegaConf.structured(Typed), None
    OmegaConf.set_readonly(config.odd.several, True)
    OmegaConf.set_struct(config.odd.typed, True)
    config.odd._metadata.resolver_cache["a"]["b"] = [1]
    before = nodes(copy.deepcopy(config))
    make_swift()
    again = copy.deepcopy(config)
    assert nodes(again) == before == nodes(config)
    assert len(before) > 300


@pytest.mark.usefixtures("restored")
def test_a_copy_shares_nothing_that_changes(config: DictConfig) -> None:
    make_swift()
    config.odd._metadata.resolver_cache["a"]["b"] = [1]
    text, part = OmegaConf.to_yaml(config), copy.deepcopy(config.odd)
    assert part._get_parent() is config, "a part resolves its references by the whole"
    other = copy.deepcopy(config)
    other.odd.several[2][0], other.odd.word, other.name = False, "no", "other"
    OmegaConf.set_readonly(other.odd, True)
    other.odd._metadata.resolver_cache["a"]["b"].append(2)
    assert OmegaConf.to_yaml(config) == text
    assert not OmegaConf.is_readonly(config.odd)
    assert config.odd._metadata.resolver_cache["a"]["b"] == [1]
    assert other.odd.reference == "no/other"


@pytest.mark.usefixtures("restored")
def test_what_is_copied_already_is_taken(config: DictConfig) -> None:
    make_swift()
    stands = DictConfig({"a": 1})
    assert copy.deepcopy(config, {id(config.hydra): stands}).hydra is stands
    assert copy.deepcopy(config).hydra == config.hydra
