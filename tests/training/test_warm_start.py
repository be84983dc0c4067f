"""A training that begins with another network's weights has all that fit, and says what it has
not.
"""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

from convsweep.cli.hydra_version import main_options
from convsweep.errors import UserError
from convsweep.models.base import Model
from convsweep.training import build
from convsweep.training.warm_start import begin_with
from tests.checkpoints import CONF, SMALL, arrays_checkpoint, write_checkpoint
from tests.conftest import Train


def untrained(*overrides: str) -> Model:
    torch.manual_seed(1)
    with initialize_config_dir(**main_options(), config_dir=str(CONF)):
        cfg = compose("config", list(overrides))
    data = build.build_data(cfg)
    data.setup()
    return build.build_model(cfg, data)


def test_a_head_of_other_classes_begins_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    three_classes = arrays_checkpoint(tmp_path / "net.ckpt", (1, 8, 8))
    model = untrained(*SMALL)
    own = {name: value.clone() for name, value in model.state_dict().items()}
    begin_with(model, str(three_classes))
    theirs = build.load_model(three_classes).state_dict()
    for name, value in model.state_dict().items():
        is_own = "head" in name or not name.startswith("net.")
        torch.testing.assert_close(value, own[name] if is_own else theirs[name], rtol=0, atol=0)
    said = " ".join(capsys.readouterr().out.split())
    assert "weights from" in said
    assert "random: head." in said


def test_a_network_of_which_nothing_fits_is_refused(tmp_path: Path) -> None:
    lines = arrays_checkpoint(tmp_path / "net.ckpt", (2, 20), "model.net.num_stages=2")
    with pytest.raises(
        UserError,
        match=(
            r"init_from must name a network whose weights fit this one, but none of .*net\.ckpt"
            r" does"
        ),
    ):
        begin_with(untrained("model/net=mlp"), str(lines))


def test_training_begins_there(train: Train, tmp_path: Path) -> None:
    """Without a step size the weights stay what they began with."""
    net = write_checkpoint(tmp_path / "best.ckpt", "model.net.width=4", "model.net.num_blocks=1")
    run = train(f"init_from={net}", "optimizer.lr=0", "seed=5")
    ended = dict(build.load_model(run / "checkpoints" / "last.ckpt").net.named_parameters())
    for name, value in build.load_model(net).net.named_parameters():
        torch.testing.assert_close(ended[name], value, rtol=0, atol=0)
