"""The network that a training has where none is named."""

from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from convsweep.nets import ConvNet
from convsweep.training.default_net import options_for
from tests.conftest import ROOT, Train


@pytest.mark.parametrize(
    ("spatial", "stages", "stem_stride"),
    [
        ((28, 28), None, None),
        ((56, 56), 4, None),
        ((64, 64), 3, 2),
        ((224, 300), 4, 2),
        ((64, 64, 64), 3, 2),
        ((427,), 3, None),
        ((16000,), 6, 4),
    ],
)
def test_the_default_follows_from_the_size(
    spatial: tuple[int, ...], stages: int | None, stem_stride: int | None
) -> None:
    options = options_for(spatial)
    assert options.get("num_stages") == stages
    assert options.get("stem", {}).get("stride") == stem_stride
    keys = OmegaConf.load(ROOT / "conf/model/net/convnet.yaml")
    assert set(options) <= set(keys)
    ConvNet((1, *spatial), 3, **options)


def test_a_training_says_its_default_and_changes_no_network_that_is_named(
    train: Train, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 255, (24, 1, 64, 64), np.uint8)
    np.savez(tmp_path / "data.npz", x=x, y=np.arange(24) % 2)
    common = (
        *("data=arrays", "data.path=data.npz", "logger=none", "trainer.max_epochs=1", "test=false"),
        *("data.batch_size=8", "data.min_steps_per_epoch=1"),
    )
    folder = train(*common, quick=False, folder="default")
    assert "default network for samples of 64x64: num_stages=3" in capsys.readouterr().out
    config = OmegaConf.load(folder / "config.yaml")
    assert (config.model.net.num_stages, config.model.net.stem.stride) == (3, 2)
    named = train(*common, "model/net=cnn_small", quick=False, folder="named")
    assert OmegaConf.load(named / "config.yaml").model.net.num_stages == 2
    assert "default network" not in capsys.readouterr().out
