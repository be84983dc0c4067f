"""What a swift OmegaConf writes and resolves is what it writes and resolves without."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import omegaconf.base
import omegaconf.omegaconf
import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.study.search.swift_config import make_swift

ROOT = Path(__file__).parents[2]
ODD = {"text": "1e3", "word": "yes", "empty": "", "long": "a b " * 60, "umlaut": "Größe µm", "lines": "a\nb", "none": None}
NUMBERS = {"nan": float("nan"), "small": 1e-7, "several": [1, "2", [True, "false"]], "key: odd": {"#": "- x"}}


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(omegaconf.base, "parse", omegaconf.base.parse)  # type: ignore[attr-defined]
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
