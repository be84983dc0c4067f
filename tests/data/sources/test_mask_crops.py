"""Images of any size with masks: crops for training, whole images otherwise."""

from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_images import draw
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from convsweep.data.files.images import look_into, upright_size
from convsweep.data.loading.crops import Crops
from convsweep.data.loading.order import Batch
from convsweep.data.sources.mask_folder import MaskFolder
from convsweep.errors import UserError
from convsweep.explain.draw.subject import DrawSubject

# (height, width) of the images; some are smaller than the crops.
SIZES = [(20, 30), (9, 40), (24, 8), (16, 16), (31, 17)] * 2
CROP = (12, 10)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Return a folder of grey images of several sizes, whose masks say where they are bright."""
    for number, size in enumerate(SIZES):
        draw(tmp_path / "images" / f"{number}.png", *size, channels=1)
        with Image.open(tmp_path / "images" / f"{number}.png") as image:
            mask = (np.asarray(image) > 127).astype(np.uint8)
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    return tmp_path


def folder(root: Path, **options: object) -> MaskFolder:
    given = {"batch_size": 2, "coding": "binary", "crop_size": CROP, **options}
    return MaskFolder(str(root), **given)  # type: ignore[arg-type]


def test_training_reads_crops_and_validation_whole_images(mixed: Path) -> None:
    data = folder(mixed, crops_per_image=3, test_fraction=0.2)
    assert (data.info.in_shape, data.info.any_size) == ((1, *CROP), True)
    assert data.num_train_items == 3 * len(data.train)
    crops = data.gather(data.train, training=True)
    for index in range(len(crops)):
        x, y = crops[Batch(np.array([index]), (index,))]
        assert (tuple(x.shape), tuple(y.shape)) == ((1, 1, *CROP), (1, *CROP))
        assert torch.equal(y[0], (x[0, 0] > 127).long())
    for x, y in data.val_dataloader():
        assert torch.equal(y, (x[:, 0] > 127).long())
    found = {tuple(x.shape[2:]) for x, _ in data.val_dataloader()}
    stored = {look_into(mixed / name, upright_size) for name in data.val.names}
    assert found == stored


def test_crops_are_augmented_with_their_masks_by_batch(mixed: Path) -> None:
    data = folder(mixed, augment=[v2.RandomHorizontalFlip(1.0)], augment_by="batch")
    data.setup()
    plain = folder(mixed)
    plain.setup()
    batch = Batch(np.arange(4), (0,))
    x, y = data.gather(data.train, training=True)[batch]
    before, _ = plain.gather(plain.train, training=True)[batch]
    assert torch.equal(x, before.flip(-1))
    assert torch.equal(y, (x[:, 0] > 127).long())


def test_places_of_crops_take_little_memory(mixed: Path) -> None:
    data = folder(mixed)
    crops = data.gather(data.train, training=True)
    assert isinstance(crops, Crops)
    assert all(each.base is None for each in crops.places_of(0))


def test_pieces_of_one_shape_are_drawn(mixed: Path) -> None:
    data = folder(mixed, val_fraction=0.3)
    assert DrawSubject("net", nn.Identity(), (1, *CROP), data).samples(3).shape == (3, 1, *CROP)


@pytest.mark.parametrize(("orientation", "shape"), [(6, (1, 30, 20)), (9, (1, 20, 30))])
def test_images_lying_on_their_side_are_turned(
    mixed: Path, orientation: int, shape: tuple[int, ...]
) -> None:
    for name in ("images", "masks"):
        with Image.open(mixed / name / "0.png") as image:
            exif = image.getexif()
            exif[0x0112] = orientation
            image.save(mixed / name / "0.png", exif=exif)
    data = folder(mixed)
    parts = [part for part in data.ready() if part is not None]
    shapes = {name: x.shape for part in parts for name, x in zip(part.names, part.x, strict=True)}
    assert shapes["images/0.png"] == shape


@pytest.mark.parametrize("keep", ["memory", "disk"])
def test_images_are_kept_where_the_config_says(mixed: Path, tmp_path: Path, keep: str) -> None:
    data = folder(mixed, keep=keep, cache_dir=str(tmp_path / "cache"))
    for x, y, name in zip(data.train.x, data.train.y, data.train.names, strict=True):
        with Image.open(mixed / name) as image:
            assert np.array_equal(x[0], np.asarray(image))
        assert np.array_equal(y, x[0] > 127)
    assert (tmp_path / "cache").exists() is (keep == "disk")


def test_files_that_cannot_be_read_are_named_or_skipped(mixed: Path) -> None:
    (mixed / "images" / "3.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"whole image, but 1 of 10 .*images/3.png"):
        folder(mixed).setup()
    (mixed / "images" / "0.png").write_bytes(b"no image")
    data = folder(mixed, on_unreadable="skip")
    assert sum(len(part) for part in data.ready() if part is not None) == len(SIZES) - 2


def test_huge_images_are_to_be_cut(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 290)
    with pytest.raises(UserError, match=r"at most 580 pixels, but .*0.png.* cut it into pieces"):
        folder(mixed).setup()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 16}, "data.crop_size takes crops of images at their own resolution"),
        ({"crop_size": [8, 8, 8]}, "data.crop_size must be null, or one or 2 positive"),
        ({"crops_per_image": 0}, "data.crops_per_image must be at least 1"),
        ({"foreground": 2}, "data.foreground a share from 0 to 1"),
        ({"permute": True}, "data.permute needs samples of one size"),
        ({"crop_size": None}, "set data.image_size, or data.crop_size"),
    ],
)
def test_wrong_options_are_refused(mixed: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        folder(mixed, **options).setup()
