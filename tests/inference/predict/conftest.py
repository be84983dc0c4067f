"""The command in this process, an untrained network for digits, and digits as files."""

from pathlib import Path

import pytest
from PIL import Image

from convsweep.data.sources.digits import load_digits
from convsweep.inference.predict.command import predict
from tests.checkpoints import SCENES, SMALL, command_fixture, write_checkpoint

run = command_fixture(predict)


@pytest.fixture(scope="session")
def digits_net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("digits") / "best.ckpt", *SMALL)


@pytest.fixture(scope="session")
def scenes_net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("scenes") / "best.ckpt", *SCENES)


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A folder of five digits, 8x8 and grey."""
    folder = tmp_path / "digits"
    folder.mkdir()
    for number, pixels in enumerate(load_digits()[0][:5, 0]):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder
