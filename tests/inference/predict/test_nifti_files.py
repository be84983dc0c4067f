"""NIfTI files through the command: label maps lie where their image lies, whatever its orientation
and spacing.
"""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image

from convsweep.training.build import load_model
from tests.checkpoints import SMALL_UNET, Command, arrays_checkpoint, write_checkpoint
from tests.inference.predict.test_classes import rows

# axes: anterior, left, superior
AFFINE = np.array([[0, -2.0, 0, 30], [1.0, 0, 0, -5], [0, 0, 3.0, 7], [0, 0, 0, 1]])


def scans(root: Path, count: int = 6) -> Path:
    for i in range(count):
        rng = np.random.default_rng(i)
        for kind, values in (
            ("images", rng.normal(0, 1, (10, 9, 8))),
            ("masks", rng.integers(0, 3, (10, 9, 8))),
        ):
            (root / kind).mkdir(parents=True, exist_ok=True)
            dtype = np.float32 if kind == "images" else np.uint8
            nibabel.Nifti1Image(values.astype(dtype), AFFINE).to_filename(
                root / kind / f"{i}.nii.gz"
            )
    return root


@pytest.mark.parametrize("spacing", ["null", "[1,1,3]"])
def test_label_maps_lie_where_their_image_lies(run: Command, tmp_path: Path, spacing: str) -> None:
    """Axes turn to right, anterior, superior for the network and back; the spacing of 2 mm along
    the second becomes 1 mm.
    """
    root = scans(tmp_path / "scans")
    options = [
        "data=nifti_folder",
        f"data.root={root}",
        "data.num_classes=3",
        "data.crop_size=8",
        f"data.spacing={spacing}",
    ]
    net = write_checkpoint(tmp_path / "net.ckpt", *SMALL_UNET, *options)
    assert run(net, root / "images") == 0
    written, image = (
        nibabel.load("predictions/masks/2.nii.gz"),
        nibabel.load(root / "images/2.nii.gz"),
    )
    np.testing.assert_allclose(written.affine, image.affine)
    assert (written.shape, written.get_data_dtype()) == (image.shape, np.uint8)
    with Image.open("predictions/overlays/2.png") as overlay:
        assert overlay.mode == "RGB"
    if spacing == "null":
        canonical = image.get_fdata(dtype=np.float32).transpose(1, 0, 2)[::-1].copy()
        labels = (
            load_model(net)
            .predict_batch(torch.from_numpy(canonical)[None, None])["probs"]
            .argmax(1)[0]
            .numpy()
        )
        np.testing.assert_array_equal(
            np.asanyarray(written.dataobj), labels[::-1].transpose(1, 0, 2)
        )


def test_volumes_are_classified(run: Command, tmp_path: Path) -> None:
    net = arrays_checkpoint(tmp_path / "net.ckpt", (1, 6, 7, 8), "model.net.num_stages=2")
    x = np.load("net.npz")["x"]
    nibabel.Nifti1Image(x[0, 0], np.eye(4)).to_filename("one.nii")
    nibabel.Nifti1Image(np.zeros((6, 7, 9), np.float32), np.eye(4)).to_filename("larger.nii.gz")
    (tmp_path / "cut.nii.gz").write_bytes(Path("larger.nii.gz").read_bytes()[:-20])
    assert run(net, "one.nii", "larger.nii.gz", "cut.nii.gz") == 3
    assert "must have the shape (6, 7, 8)" in run.err
    assert "cut.nii.gz" in run.err
    (row,) = rows(Path("predictions"))
    expected = load_model(net).predict_batch(torch.from_numpy(x[:1]))["probs"][0]
    assert row["class"] == str(int(expected.argmax()))


def test_a_network_for_images_is_refused(run: Command, digits_net: Path, tmp_path: Path) -> None:
    nibabel.Nifti1Image(np.zeros((6, 7, 8), np.float32), np.eye(4)).to_filename(
        tmp_path / "scan.nii"
    )
    assert run(digits_net, "scan.nii") == 1
    assert "three axes, but this network is for classification of 1x8x8" in run.err


@pytest.mark.parametrize("in_files", [False, True])
def test_channels_reach_the_network_as_in_training(
    run: Command, tmp_path: Path, in_files: bool
) -> None:
    values = np.random.default_rng(0).normal(0, 1, (6, 10, 9, 8, 2)).astype(np.float32)
    for i, scan in enumerate(values):
        for kind in ("images", "masks"):
            (tmp_path / "scans" / kind).mkdir(parents=True, exist_ok=True)
        nibabel.Nifti1Image((scan[..., 0] > 0).astype(np.uint8), AFFINE).to_filename(
            tmp_path / f"scans/masks/{i}.nii.gz"
        )
        files = (
            {f"{i}_{channel}": scan[..., channel] for channel in (0, 1)}
            if in_files
            else {str(i): scan}
        )
        for name, array in files.items():
            nibabel.Nifti1Image(array, AFFINE).to_filename(tmp_path / f"scans/images/{name}.nii.gz")
    suffixes = ["data.image_suffix=[_0,_1]"] if in_files else []
    options = [
        "data=nifti_folder",
        f"data.root={tmp_path}/scans",
        "data.num_classes=2",
        "data.crop_size=8",
        *suffixes,
    ]
    net = write_checkpoint(tmp_path / "net.ckpt", *SMALL_UNET, *options)
    assert run(net, tmp_path / "scans/images") == 0
    assert len(list(Path("predictions/masks").iterdir())) == 6
    written = np.asanyarray(
        nibabel.load(f"predictions/masks/{'2_0' if in_files else '2'}.nii.gz").dataobj
    )
    canonical = values[2].transpose(3, 1, 0, 2)[:, ::-1].copy()
    labels = (
        load_model(net)
        .predict_batch(torch.from_numpy(canonical)[None])["probs"]
        .argmax(1)[0]
        .numpy()
    )
    np.testing.assert_array_equal(written, labels[::-1].transpose(1, 0, 2))
    nibabel.Nifti1Image(values[0, ..., :1], AFFINE).to_filename(tmp_path / "one_0.nii")
    if in_files:
        assert run(net, "one_0.nii", "--out", "other") == 1
        assert "a file for each of _0, _1" in run.err
        assert run(net, tmp_path / "scans/images/2_1.nii.gz", "--out", "third") == 1
        assert "name the files of the first channel too" in run.err
    else:
        assert run(net, "one_0.nii", "--out", "other") == 1
        assert "must have 2 channels" in run.err
