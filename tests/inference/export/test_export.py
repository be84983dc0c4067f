"""Exported programs return what the network returns for batches of any length; a program that does
not is removed.
"""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.signal import resample_poly

from convsweep.data.sources.digits import load_digits
from convsweep.errors import UserError
from convsweep.inference.export import latency
from convsweep.inference.export.checking import batches, check
from convsweep.inference.export.programs import Program
from convsweep.inference.export.real_samples import samples_of_files
from convsweep.models.normalize import Normalize
from convsweep.training.build import load_model
from convsweep.training.trained import load_trained
from tests.checkpoints import (
    SCENES,
    SMALL,
    SMALL_UNET,
    Command,
    arrays_checkpoint,
    columns_checkpoint,
    write_checkpoint,
)
from tests.data.drawn_volumes import draw_folder

pytestmark = pytest.mark.long

onnxruntime = pytest.importorskip("onnxruntime")

CASES = {
    "permuted": lambda path: write_checkpoint(
        path, *SMALL, "data.permute=true", "model.normalize_by=sample"
    ),
    "torchvision": lambda path: write_checkpoint(
        path, "model/net=torchvision", "model.net.name=resnet18"
    ),
    "scenes": lambda path: write_checkpoint(path, *SCENES),
    "signals": lambda path: arrays_checkpoint(path, (2, 20), "model.net.num_stages=2"),
    "volumes_of_any_size": lambda path: nifti_checkpoint(path),
    "numbers": lambda path: columns_checkpoint(path, "regression"),
    "labels": lambda path: columns_checkpoint(path, "multi_label"),
}


def nifti_checkpoint(path: Path) -> Path:
    """Write the checkpoint of a network that is trained on crops of scans."""
    pytest.importorskip("nibabel")
    scans = draw_folder(path.parent / "scans", count=5)
    return write_checkpoint(
        path,
        *SMALL_UNET,
        "data=nifti_folder",
        f"data.root={scans}",
        "data.num_classes=3",
        "data.crop_size=8",
    )


@pytest.mark.parametrize("case", CASES)
def test_programs_say_what_the_network_says(run: Command, tmp_path: Path, case: str) -> None:
    net = CASES[case](tmp_path / "best.ckpt")
    assert run(net, "--no-latency") == 0, run.err
    checks = json.loads(Path("exported/export.json").read_text())["checks"]
    assert set(checks) == {"torch.export", "onnxruntime"}
    assert all(
        found["difference"] <= (5e-3 if case == "numbers" else 1e-4) for found in checks.values()
    )

    trained = load_trained(net)
    info = trained.info
    x = np.random.default_rng(1).normal(90, 60, (5, *info.in_shape)).astype(np.float32)
    moved = x
    if trained.permute:
        order = np.random.default_rng(0).permutation(64)
        moved = x.reshape(5, 1, 64)[..., order].reshape(x.shape)
    ((name, answer),) = trained.model.predict_batch(torch.from_numpy(moved)).items()
    expected = answer.numpy()
    allowed = 1e-4 * max(1, np.abs(expected).max())  # numbers have units of their own
    session = onnxruntime.InferenceSession(
        "exported/model.onnx", providers=["CPUExecutionProvider"]
    )
    np.testing.assert_allclose(session.run([name], {"x": x})[0], expected, atol=allowed)
    program = torch.export.load(
        "exported/model.pt2", extra_files=(extra := {"convsweep.json": ""})
    ).module()
    np.testing.assert_allclose(
        program(torch.from_numpy(x[:3])).detach().numpy(), expected[:3], atol=allowed
    )

    about = json.loads(session.get_modelmeta().custom_metadata_map["convsweep"])
    assert about == json.loads(extra["convsweep.json"])
    assert about["class_names"] == list(info.class_names)
    assert about["in_shape"] == list(info.in_shape)


def test_files_of_the_user_are_what_is_compared(run: Command, tmp_path: Path) -> None:
    net = write_checkpoint(tmp_path / "best.ckpt", *SMALL)
    (tmp_path / "new").mkdir()
    for number, pixels in enumerate(load_digits()[0][:7, 0]):
        Image.fromarray(pixels).save(tmp_path / "new" / f"{number}.png")
    (tmp_path / "new" / "broken.png").write_text("no image")
    assert run(net, "new", "--format", "pt2", "--no-latency") == 0
    assert (
        json.loads(Path("exported/export.json").read_text())["checks"]["torch.export"]["samples"]
        == 7
    )
    assert not Path("exported/model.onnx").exists()
    assert run(net, "new/broken.png", "--out", "other") == 1
    assert "no file gives one: new/broken.png (no image)" in run.err


def test_recordings_are_cut_to_the_network_at_its_rate(run: Command, tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    net = write_checkpoint(
        tmp_path / "best.ckpt",
        "model=denoising",
        "data=signals",
        "data.num_train=4",
        "data.num_val=2",
    )
    wave = np.random.default_rng(0).normal(0, 0.1, (16_000, 2)).astype(np.float32)
    soundfile.write(tmp_path / "stereo.wav", wave, 16_000, subtype="FLOAT")
    x = samples_of_files(load_trained(net), [tmp_path / "stereo.wav"], 5)
    assert x.shape == (
        5,
        1,
        2048,
    ), "two channels, each by itself, of one second at 8 kHz: three pieces of 2048"
    np.testing.assert_allclose(x[1, 0], resample_poly(wave[:, 1], 1, 2)[:2048], atol=1e-5)
    assert run(net, "stereo.wav", "--format", "pt2", "--no-latency") == 0, run.err
    assert "largest difference" in run.out
    assert "same class" not in run.out, "a recording has none"


def test_a_volume_is_normalised_by_its_own_spread_to_six_digits(tmp_path: Path) -> None:
    normalize = Normalize(torch.zeros(1), torch.ones(1), "sample")
    shape = (2, 1, 48, 48, 48)
    program = torch.export.export(normalize, (torch.zeros(shape),))
    torch.onnx.export(program, dynamo=True, input_names=["x"], verbose=False).save(
        tmp_path / "n.onnx"
    )
    blocks = np.random.default_rng(0).uniform(0, 255, (2, 1, 6, 6, 6)).astype(np.float32)
    x = np.kron(blocks, np.ones((1, 1, 8, 8, 8), np.float32))
    (found,) = onnxruntime.InferenceSession(
        tmp_path / "n.onnx", providers=["CPUExecutionProvider"]
    ).run(None, {"x": x})
    exact = x.astype(np.float64)
    axes = (2, 3, 4)
    exact = (exact - exact.mean(axes, keepdims=True)) / exact.std(axes, keepdims=True)
    np.testing.assert_allclose(found, exact, atol=2e-6)
    np.testing.assert_allclose(normalize(torch.from_numpy(x)), exact, atol=2e-6)


@pytest.mark.parametrize("normalize_by", ["sample", "training_split"])
def test_batches_of_noisy_signals_may_have_any_length(
    run: Command, tmp_path: Path, normalize_by: str
) -> None:
    signals = ["data=signals", "data.num_train=4", "data.num_val=2", "data.length=64"]
    net = write_checkpoint(
        tmp_path / "best.ckpt", "model=denoising", f"model.normalize_by={normalize_by}", *signals
    )
    assert run(net, "--format", "pt2", "--no-latency") == 0, run.err
    x = np.random.default_rng(1).normal(0, 1, (5, 1, 64)).astype(np.float32)
    program = torch.export.load("exported/model.pt2").module()
    (expected,) = load_trained(net).model.predict_batch(torch.from_numpy(x)).values()
    np.testing.assert_allclose(
        program(torch.from_numpy(x)).detach().numpy(), expected.numpy(), atol=1e-5
    )


def test_difference_beyond_tolerance_is_an_error(run: Command, tmp_path: Path) -> None:
    net = write_checkpoint(tmp_path / "best.ckpt", *SMALL)
    assert run(net, "--tolerance", "-1", "--no-latency") == 1
    assert (
        "torch.export must say what the network says, but does not: an answer differs by" in run.err
    )
    assert not Path("exported/model.pt2").exists()
    assert not Path("exported/model.onnx").exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda answer: answer + 0.01, r"differs by 0.01, more than --tolerance 0.001"),
        (lambda answer: answer * np.nan, "differs by inf"),
        (lambda answer: answer[:1], "its answer has the shape"),
    ],
)
def test_wrong_program_is_removed(tmp_path: Path, wrong, message: str) -> None:
    file = tmp_path / "model.onnx"
    file.touch()
    x = np.zeros((6, 4), np.float32)
    with pytest.raises(UserError, match=message):
        check(lambda batch: batch, Program("onnxruntime", file, wrong), x, tolerance=1e-3)
    assert not file.exists()


def test_right_program_is_compared_in_batches_of_several_sizes(tmp_path: Path) -> None:
    x = np.arange(42, dtype=np.float32).reshape(42, 1)
    assert [len(batch) for batch in batches(x)] == [1, 3, 16, 16, 6]
    found = check(
        lambda batch: batch,
        Program("any", tmp_path / "file", lambda batch: batch + 1e-4),
        x,
        tolerance=1e-3,
    )
    assert found.samples == 42
    assert found.difference == pytest.approx(1e-4, rel=0.1)
    assert found.agreement == 1


def test_missing_packages_are_named(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = write_checkpoint(tmp_path / "best.ckpt", *SMALL)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name == "onnxscript" else find(name, *rest),
    )
    assert run(net) == 1
    assert "`onnxscript`, which is not installed; run: pip install 'convsweep[export]'" in run.err
    assert not Path("exported").exists()


def test_latency_is_of_each_program_and_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "MAX_RUNS", 3)
    calls: list[int] = []
    found = latency.latencies(
        {"one": lambda x: calls.append(len(x)) or x}, np.zeros((2, 5), np.float32), (1, 4)
    )
    assert calls == [1] * 4 + [4] * 4
    assert set(found["one"]) == {1, 4}
    assert min(found["one"].values()) > 0


def test_mistakes_are_one_message(run: Command, tmp_path: Path) -> None:
    net = write_checkpoint(tmp_path / "best.ckpt", *SMALL)
    (tmp_path / "cut.ckpt").write_bytes(net.read_bytes()[:-900])
    for arguments, message in (
        (["cut.ckpt"], "is not a readable checkpoint"),
        ([net, "nowhere"], "there is nothing at nowhere"),
    ):
        assert run(*arguments) == 1
        assert message in run.err
        assert "Traceback" not in run.err
    assert load_model(net) is not None
