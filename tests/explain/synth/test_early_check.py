"""Slips that are answered before torch is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from convsweep.cli.hydra_version import main_options
from convsweep.errors import UserError
from convsweep.explain.synth.early_check import check_kept, check_synthesis
from tests.checkpoints import CONF

NET = "checkpoint=net.ckpt"


def check(*overrides: str) -> None:
    with initialize_config_dir(**main_options(), config_dir=str(CONF)):
        check_synthesis(compose("synth", list(overrides)))


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put empty files where the right commands find them."""
    monkeypatch.chdir(tmp_path)
    for name in ("net.ckpt", "weights.pth", "photo.jpg", "painting.jpg"):
        (tmp_path / name).touch()


@pytest.mark.parametrize(
    "overrides",
    [
        [NET, f"judge={'net.ckpt'}"],
        ["torchvision.name=vgg16", "torchvision.weights=weights.pth"],
        ["torchvision.name=vgg16"],
        [NET, "method=dream", "method.start=photo.jpg", "keep_every=2", "animate=true"],
        [NET, "method=dream"],
        [
            NET,
            "method=style",
            "method.content=photo.jpg",
            "method.styles=[painting.jpg]",
            "method.start=noise",
        ],
    ],
)
def test_what_is_right_passes(overrides: list[str]) -> None:
    check(*overrides)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "one network must be named"),
        ([NET, "torchvision.name=vgg16"], "one network must be named"),
        (["checkpoint=net.ckp"], r"nothing at net\.ckp; did you mean net\.ckpt"),
        ([NET, "judge=other.ckpt"], r"nothing at other\.ckpt"),
        (
            ["torchvision.name=vgg16", "torchvision.weights=w.pth"],
            r"state_dict of vgg16, but w\.pth is not there",
        ),
        (["torchvision.name=vgg16", "covariance=data"], "which torchvision does not bring"),
        ([NET, "covariance=full"], "covariance must be auto, data or white"),
        ([NET, "seed=three"], "seed must be a whole number"),
        ([NET, "keep_every=0"], "keep_every must be null or a whole number"),
        ([NET, "keep_every=often"], "keep_every must be null or a whole number"),
        (
            [NET, "method=dream", "method.start=p.jpg"],
            r"method\.start must be an image .* p\.jpg is not there",
        ),
        ([NET, "method=style", "method.styles=[painting.jpg]"], r"method\.content has no default"),
        (
            [NET, "method=style", "method.content=p.jpg", "method.styles=[painting.jpg]"],
            r"method\.content .*p\.jpg is not",
        ),
        (
            [NET, "method=style", "method.content=photo.jpg", "method.styles=[p.jpg]"],
            r"method\.styles .* p\.jpg is not there",
        ),
        (
            [NET, "method=style", "method.content=photo.jpg", "method.styles=painting.jpg"],
            (
                r"must be a list of image files, but is painting\.jpg; say"
                r" 'method\.styles=\[painting\.jpg\]'"
            ),
        ),
    ],
)
def test_slips_are_named(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(*overrides)


def test_an_animation_needs_pictures() -> None:
    with pytest.raises(UserError, match=r"animate=true .* say keep_every=10 too"):
        check_kept(None, animate=True)


def test_a_missing_checkpoint_is_named_before_torch_is_loaded() -> None:
    program = (
        "import sys, convsweep.explain.synth.command as command\n"
        "sys.argv = ['synth', 'checkpoint=nothing', 'hydra.run.dir=out']\n"
        "try: command.main()\n"
        "finally: assert 'torch' not in sys.modules, 'torch is loaded'\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "there is nothing at nothing" in ended.stderr
    assert "torch is loaded" not in ended.stderr
