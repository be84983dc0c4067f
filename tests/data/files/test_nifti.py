"""One NIfTI file: orientation as nibabel turns it, values as they are scaled, and labels written
back where they belong.
"""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from drawn_volumes import save
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform

from convsweep.data.files.images import UnfitFileError
from convsweep.data.files.nifti import open_volume, stem

CODES = ["RAS", "LPS", "PIR", "SAL", "ALI"]


def affine_of(
    codes: str, shape: tuple[int, ...], zooms: tuple[float, ...] = (1.0, 2.0, 3.0)
) -> np.ndarray:
    """Return the affine of a file whose axes point as the codes say, and whose canonical axes have
    these zooms.
    """
    transform = ornt_transform(axcodes2ornt(codes), axcodes2ornt("RAS"))
    to_file: np.ndarray = np.diag([*zooms, 1.0]) @ np.linalg.inv(inv_ornt_aff(transform, shape))
    return to_file


@pytest.mark.parametrize("codes", CODES)
def test_arrays_are_in_canonical_orientation(tmp_path: Path, codes: str) -> None:
    values = np.random.default_rng(0).integers(0, 9, (4, 5, 6)).astype(np.int16)
    path = save(tmp_path / "scan.nii.gz", values, affine_of(codes, values.shape))
    volume = open_volume(path)
    expected = nibabel.as_closest_canonical(nibabel.load(path))
    assert "".join(nibabel.aff2axcodes(nibabel.load(path).affine)) == codes
    assert volume.shape == expected.shape
    np.testing.assert_array_equal(volume.read()[0], expected.get_fdata())


@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize("spacing", [None, (1.0, 1.0, 1.5)])
def test_labels_are_written_where_the_image_lies(
    tmp_path: Path, codes: str, spacing: tuple[float, ...] | None
) -> None:
    """Labels drawn in the file's own orientation come back as they were, with its affine, through
    the canonical array.
    """
    labels = np.zeros((6, 5, 4), np.uint8)
    labels[1, 2, 3], labels[4, 0, 1] = 1, 2
    path = save(tmp_path / "labels.nii.gz", labels, affine_of(codes, labels.shape))
    volume = open_volume(path, spacing)
    volume.write_labels(volume.read(is_mask=True)[0].astype(np.int64), tmp_path / "again.nii.gz")
    again, original = nibabel.load(tmp_path / "again.nii.gz"), nibabel.load(path)
    np.testing.assert_allclose(again.affine, original.affine)
    assert again.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asanyarray(again.dataobj), labels)


def test_stored_numbers_are_scaled_as_the_header_says(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4))
    image.header.set_slope_inter(0.5, -10)
    image.to_filename(tmp_path / "scaled.nii")
    raw = nibabel.load(tmp_path / "scaled.nii")
    np.testing.assert_allclose(open_volume(tmp_path / "scaled.nii").read()[0], raw.get_fdata())
    assert raw.dataobj.slope != 1


def test_spacing_resamples_a_ramp_to_the_same_ramp(tmp_path: Path) -> None:
    """Half as many positions of twice the size: their centres lie between two of the old ones."""
    ramp = np.broadcast_to(np.arange(8.0, dtype=np.float32)[:, None, None], (8, 4, 4)).copy()
    volume = open_volume(save(tmp_path / "ramp.nii", ramp), spacing=(2.0, 1.0, 1.0))
    assert volume.shape == (4, 4, 4)
    np.testing.assert_allclose(volume.read()[0, :, 0, 0], [0.5, 2.5, 4.5, 6.5])


def test_shape_and_spacing_follow_the_axes_to_canonical_orientation(tmp_path: Path) -> None:
    path = save(
        tmp_path / "scan.nii",
        np.zeros((4, 5, 6), np.float32),
        affine_of("SAL", (4, 5, 6), (1.0, 2.0, 3.0)),
    )
    assert open_volume(path).shape == (6, 5, 4)
    assert open_volume(path, (1.0, 1.0, 1.0)).shape == (6, 10, 12)


@pytest.mark.parametrize("tail", [(), (1,), (3,), (1, 3), (3, 1)])
def test_a_fourth_or_fifth_axis_is_that_of_channels(tmp_path: Path, tail: tuple[int, ...]) -> None:
    """The fifth is where NIfTI keeps vectors; axes of one position are none."""
    values = np.random.default_rng(0).normal(size=(2, 3, 4, *tail)).astype(np.float32)
    volume = open_volume(save(tmp_path / "scan.nii", values))
    channels = max(tail, default=1)
    assert (volume.channels, volume.shape) == (channels, (2, 3, 4))
    np.testing.assert_array_equal(
        volume.read(), np.moveaxis(values.reshape(2, 3, 4, channels), -1, 0)
    )


@pytest.mark.parametrize("codes", CODES)
def test_channels_turn_with_their_volume_and_labels_lie_on_it(tmp_path: Path, codes: str) -> None:
    values = np.random.default_rng(0).integers(0, 9, (4, 5, 6, 2)).astype(np.int16)
    image = nibabel.Nifti1Image(values, affine_of(codes, (4, 5, 6)))
    image.header.set_intent("vector")
    image.to_filename(tmp_path / "scan.nii.gz")
    volume = open_volume(tmp_path / "scan.nii.gz")
    expected = nibabel.as_closest_canonical(image).get_fdata()
    np.testing.assert_array_equal(volume.read(), np.moveaxis(expected, -1, 0))
    volume.write_labels((expected[..., 0] > 4).astype(np.int64), tmp_path / "labels.nii.gz")
    labels = nibabel.load(tmp_path / "labels.nii.gz")
    np.testing.assert_allclose(labels.affine, image.affine)
    assert labels.header.get_intent()[0] == "none"
    np.testing.assert_array_equal(np.asanyarray(labels.dataobj), values[..., 0] > 4)


def test_channels_are_resampled_each_by_itself(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(4, 4, 4, 2)).astype(np.float32)
    whole = open_volume(save(tmp_path / "both.nii", values), spacing=(2.0, 1.0, 0.5)).read()
    for channel in range(2):
        one = open_volume(
            save(tmp_path / "one.nii", values[..., channel]), spacing=(2.0, 1.0, 0.5)
        ).read()
        np.testing.assert_array_equal(whole[channel], one[0])


@pytest.mark.parametrize(("shape", "named"), [((4, 5, 6, 2, 2), "4x5x6x2x2"), ((4, 5), "4x5")])
def test_what_is_no_volume_is_refused(tmp_path: Path, shape: tuple[int, ...], named: str) -> None:
    with pytest.raises(UnfitFileError) as error:
        open_volume(save(tmp_path / "scan.nii", np.zeros(shape, np.float32)))
    assert (
        error.value.rule == "Every volume must have three axes, and may have a fourth of channels"
    )
    assert error.value.detail == named


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scan.nii.gz").write_bytes(b"nothing of the kind")
    with pytest.raises(UnfitFileError, match="must be a NIfTI file"):
        open_volume(tmp_path / "scan.nii.gz")


def test_names_lose_both_endings() -> None:
    assert [stem(Path(name)) for name in ("a.nii.gz", "b.1.nii", "C.NII.GZ", "d.gz", "e.png")] == [
        "a",
        "b.1",
        "C",
        None,
        None,
    ]
