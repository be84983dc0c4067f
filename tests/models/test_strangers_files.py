"""A checkpoint, a run's config, a journal or a data file from a stranger cannot run code when it is
merely read.
"""

import json
import os
import pickle
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from test_load_model import trained

from convsweep.errors import UserError
from convsweep.explain.draw.publish import log_to_wandb
from convsweep.inference.evaluate.labelled import config_for
from convsweep.nets import ConvNet
from convsweep.training import build
from convsweep.training.trained import load_trained
from convsweep.trusted_names import hold
from hydra_study.storage.journal import open_journal

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as a training leaves it."""
    return trained("classification", tmp_path_factory.mktemp("honest"))[2]


@pytest.fixture
def tampered(honest: Path, tmp_path: Path) -> Callable[[Change], Path]:
    """Return a function that changes the card of a checkpoint and returns the changed file."""

    def make(change: Change) -> Path:
        state = torch.load(honest, weights_only=True)
        change(state["convsweep"])
        torch.save(state, tmp_path / "strange.ckpt")
        return tmp_path / "strange.ckpt"

    return make


def evils(proof: Path) -> list[dict[str, Any]]:
    """Return configs that would make the file `proof` if they were instantiated."""
    command = f"touch {proof}"
    code = f"open({str(proof)!r}, 'w')"
    return [
        {"_target_": "shutil.copy", "src": __file__, "dst": str(proof)},
        {"_target_": "builtins.exec", "_args_": [code]},
        {"_target_": "builtins.eval", "_args_": [code]},
        {"_target_": "os.system", "command": command},
        {"_target_": "subprocess.Popen", "args": ["touch", str(proof)]},
        {
            "_target_": "functools.partial",
            "_args_": [{"_target_": "os.system", "command": command}],
        },
        {
            "_target_": "torch.nn.Sequential",
            "_args_": [{"_target_": "os.system", "command": command}],
        },
        {
            "_target_": "convsweep.training.build.Path.touch",
            "self": {"_target_": "pathlib.Path", "_args_": [str(proof)]},
        },
        {
            "_target_": "hydra.utils.instantiate",
            "_args_": [{"_target_": "os.system", "command": command}],
        },
        {"_target_": "torch.serialization.os.system", "command": command},
        {"_target_": "torch.load", "f": str(proof), "weights_only": False},
        {
            "_target_": "convsweep.nets.ConvNet",
            "in_shape": [1, 8, 8],
            "x": {"_target_": "os.system", "command": command},
        },
        {"_target_": ["os", "system"]},
        {"_target_": "os.system; x"},
    ]


NUM_EVILS = len(evils(Path("proof")))


@pytest.mark.parametrize("number", range(NUM_EVILS))
@pytest.mark.parametrize("place", ["net", "option", "model", "data", "augment"])
def test_a_card_can_name_nothing_but_networks_and_data(
    place: str, number: int, tampered: Callable[[Change], Path], tmp_path: Path
) -> None:
    proof = tmp_path / "proof"
    evil = evils(proof)[number]

    def change(card: dict[str, Any]) -> None:
        if place == "net":
            card["model"]["net"] = evil
        elif place == "option":
            card["model"]["net"]["norm"] = evil
        elif place == "model":
            card["model"] = {**evil, "net": card["model"]["net"]}
        elif place == "data":
            card["data"] = {**evil, "batch_size": 1}
        else:
            card["data"]["augment"] = {"flip": evil}

    checkpoint = tampered(change)
    if place == "augment":  # is not built at all: it is of the training samples alone
        build.data_module(load_trained(checkpoint, "cpu").data)
    elif place == "data":
        with pytest.raises(UserError, match=r"strange\.ckpt: data"):
            config_for(load_trained(checkpoint, "cpu"), tmp_path, False)
    else:
        with pytest.raises(UserError, match=r"strange\.ckpt: model|may hold|cannot be built"):
            build.load_model(checkpoint)
    assert not proof.exists()


def test_a_module_that_a_card_names_is_not_imported_where_it_belongs_to_python(
    tampered: Callable[[Change], Path],
) -> None:
    def change(card: dict[str, Any]) -> None:
        card["model"]["net"]["_target_"] = "this.Zen"

    with pytest.raises(UserError, match=r"subclasses of Module alone, but names .this\.Zen."):
        build.load_model(tampered(change))
    assert "this" not in sys.modules


def test_a_pickle_in_a_checkpoint_is_not_read(tmp_path: Path) -> None:
    torch.save({"state_dict": {}, "convsweep": Bomb(tmp_path / "proof")}, tmp_path / "bomb.ckpt")
    with pytest.raises(UserError, match="is not a readable checkpoint"):
        build.load_model(tmp_path / "bomb.ckpt")
    (tmp_path / "pickle.ckpt").write_bytes(pickle.dumps(Bomb(tmp_path / "proof")))
    with pytest.raises(UserError, match="is not a readable checkpoint"):
        build.load_model(tmp_path / "pickle.ckpt")
    assert not (tmp_path / "proof").exists()


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.proof}",)


def test_arrays_of_pickles_are_not_read(tmp_path: Path) -> None:
    x = np.array([Bomb(tmp_path / "proof")] * 4, dtype=object)
    np.savez(tmp_path / "bomb.npz", x=x, y=np.arange(4))
    data = build.data_module(
        {
            "_target_": "convsweep.data.sources.arrays.Arrays",
            "path": str(tmp_path / "bomb.npz"),
            "batch_size": 2,
        }
    )
    with pytest.raises(UserError):
        data.setup()
    assert not (tmp_path / "proof").exists()


def test_weights_are_neither_downloaded_nor_read_from_files_that_a_card_names(
    tmp_path: Path,
) -> None:
    card = {
        "_target_": "timm.create_model",
        "model_name": "resnet18",
        "pretrained": True,
        "checkpoint_path": str(tmp_path / "bomb.pth"),
        "pretrained_cfg": {"file": str(tmp_path / "bomb.pth")},
    }
    safe = hold(card, torch.nn.Module, "net")
    assert safe == {"_target_": "timm.create_model", "model_name": "resnet18", "pretrained": False}
    for name in ("hf-hub:someone/bomb", "local-dir:/tmp/bomb", "${oc.env:HOME}"):
        with pytest.raises(UserError, match="plain values"):
            hold({**card, "model_name": name}, torch.nn.Module, "net")


def test_networks_by_their_classes_and_by_torchvisions_functions_are_let_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = {"_target_": "convsweep.nets.ConvNet", "in_shape": [1, 8, 8], "num_classes": 3}
    assert hold(net, torch.nn.Module, "net") == net
    assert build.get_object("convsweep.nets.ConvNet") is ConvNet
    assert (
        hold(
            {"_target_": "torchvision.models.resnet18", "weights": "DEFAULT"},
            torch.nn.Module,
            "net",
        )["weights"]
        is None
    )
    own = {"_target_": f"{__name__}.make_net"}
    with pytest.raises(UserError, match="CONVSWEEP_TRUST"):
        hold(own, torch.nn.Module, "net")
    monkeypatch.setenv("CONVSWEEP_TRUST", f"a.b, {__name__}.make_net")
    assert hold(own, torch.nn.Module, "net") == own


def make_net() -> torch.nn.Module:
    return torch.nn.Identity()


@pytest.mark.parametrize("number", range(NUM_EVILS))
def test_a_runs_config_cannot_name_another_logger(number: int, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    with pytest.raises(UserError, match="another logger"):
        log_to_wandb(evils(proof)[number], {}, tmp_path / "run", None)
    assert not proof.exists()


def test_a_journal_is_plain_text(tmp_path: Path) -> None:
    bomb, file = pickle.dumps(Bomb(tmp_path / "proof")), tmp_path / "study.journal"
    optuna.create_study(study_name="app", storage=open_journal(file)).set_user_attr(
        "space", {"_target_": "os.system"}
    )
    assert all(isinstance(json.loads(line), dict) for line in file.read_text().splitlines())
    assert optuna.load_study(study_name="app", storage=open_journal(file)).user_attrs == {
        "space": {"_target_": "os.system"}
    }
    file.write_bytes(file.read_bytes() + bomb + b"\n")
    with pytest.raises(ValueError):
        open_journal(file)
    assert not (tmp_path / "proof").exists()


def test_a_database_holds_plain_text(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(storage=url)
    study.set_user_attr("fact", {"a": [1, "b"]})
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with closing(sqlite3.connect(tmp_path / "study.db")) as database:
        tables = [
            name
            for (name,) in database.execute("select name from sqlite_master where type = 'table'")
        ]
        values = [
            value
            for table in tables
            for row in database.execute(f"select * from {table}")
            for value in row
        ]
    assert values
    assert not [value for value in values if isinstance(value, bytes)], "a pickle would be bytes"
