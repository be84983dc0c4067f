"""One mask file to one array of class indices: index, binary or RGB-coded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from convsweep.data.files.images import ImageDecoding, UnfitFileError, fit
from convsweep.data.labels import outside
from convsweep.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

Coding = Literal["index", "binary", "rgb"]
# The value of the border in the trimaps of Oxford-IIIT Pet.
TRIMAP_BORDER = 3
RULES = {
    "index": "Index masks must hold one number a pixel",
    "binary": "Binary masks must hold 0 and one other value, 1 or 255",
    "rgb": "RGB-coded masks must hold only the colours of data.palette",
    "trimap": "Trimaps must hold 1, 2 and 3",
}
IGNORE = "ignore"


@dataclass(frozen=True)
class MaskCoding:
    """What the values of mask files mean.

    Args:
        coding: "index" (the pixel is the class, also in a palette image), "binary" (0 and 1, or 0
            and 255), or "rgb"; "trimap" (1, 2, and 3 for a border, which is the ignore index where
            there is one) is for oxford_pet.
        class_names: one name a class.
        colors: (K, 3) RGB colour of each class under "rgb".
        ignore_color: the colour that is mapped to `ignore_index`.
        ignore_index: the value that is no class.
    """

    coding: Coding | Literal["trimap"]
    class_names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...] = ()
    ignore_color: tuple[int, int, int] | None = None
    ignore_index: int | None = None

    @property
    def dtype(self) -> type[np.uint8] | type[np.int16]:
        fits = len(self.class_names) <= 256 and (
            self.ignore_index is None or 0 <= self.ignore_index < 256
        )
        return np.uint8 if fits else np.int16

    @property
    def fill(self) -> int:
        """Mask value of positions outside of the image."""
        return 0 if self.ignore_index is None else self.ignore_index


def mask_coding(
    coding: Coding,
    class_names: Sequence[str] | None,
    num_classes: int | None,
    palette: Mapping[str, Sequence[int]] | None,
    ignore_index: int | None,
) -> MaskCoding:
    """Return the coding that a config describes.

    Raises:
        UserError: if the classes are missing or contradict each other.
    """
    if coding == "rgb":
        return palette_coding(palette, ignore_index)
    if palette is not None:
        raise UserError(
            f"data.palette is for RGB-coded masks, but data.coding is {coding}; set data.coding=rgb"
            " or data.palette=null."
        )
    if coding == "binary" and class_names is None:
        class_names = ("background", "foreground")
    if class_names is None:
        if num_classes is None:
            raise UserError(
                "Index masks need the number of their classes; set data.num_classes, or"
                " data.class_names (masks of 0 and 255, or 0 and 1: data.coding=binary);"
                " `convsweep plan` of the same data lists the values and chooses."
            )
        class_names = tuple(str(number) for number in range(num_classes))
    if num_classes not in (None, len(class_names)) or (
        coding == "binary" and len(class_names) != 2
    ):
        wanted = 2 if coding == "binary" else num_classes
        raise UserError(
            f"Every class needs one name, but there are {wanted} classes and data.class_names has"
            f" {len(class_names)}."
        )
    return MaskCoding(coding, tuple(class_names), ignore_index=ignore_index)


def palette_coding(
    palette: Mapping[str, Sequence[int]] | None, ignore_index: int | None
) -> MaskCoding:
    """Return the coding of a palette; its colour named `ignore` becomes the ignore index.

    Raises:
        UserError: the palette is empty, a colour is invalid, or two classes share one.
    """
    if not palette:
        raise UserError(
            "RGB-coded masks need data.palette, one colour a class, such as {road: [128, 64, 128],"
            " sky: [70, 130, 180]}."
        )
    colors: dict[str, tuple[int, int, int]] = {}
    for name, color in palette.items():
        if len(color) != 3 or any(not 0 <= int(value) <= 255 for value in color):
            raise UserError(
                f"A colour of data.palette must be three numbers 0 to 255, but {name} is"
                f" {list(color)}."
            )
        colors[str(name)] = (int(color[0]), int(color[1]), int(color[2]))
    if len(set(colors.values())) < len(colors):
        raise UserError(
            f"Every class of data.palette needs a colour of its own, but two are equal: {colors}."
        )
    ignore_color = colors.pop(IGNORE, None)
    if ignore_color is not None and ignore_index is None:
        ignore_index = 255
    return MaskCoding("rgb", tuple(colors), tuple(colors.values()), ignore_color, ignore_index)


def decode_mask(
    mask: "Image", coding: MaskCoding, decoding: ImageDecoding, size: tuple[int, int]
) -> NDArray[np.uint8 | np.int16]:
    """Return class indices, resized to (height, width) by the same geometry as the image.

    Raises:
        UnfitFileError: if the file does not follow the coding.
    """
    from PIL import Image

    indices = READERS[coding.coding](mask, coding)
    if indices.shape == size:
        return indices.astype(coding.dtype)
    image = Image.fromarray(indices.astype(np.int32))
    return np.asarray(fit(image, decoding, size, nearest=True, fill=coding.fill)).astype(
        coding.dtype
    )


def one_number(mask: "Image", coding: MaskCoding) -> NDArray[np.int32]:
    """Return the stored numbers of a mask, (H, W); those of a palette image are its indices.

    Raises:
        UnfitFileError: the mask has colours.
    """
    array = np.asarray(mask)
    if array.ndim == 3:
        grey = array[..., :3] if array.shape[2] >= 3 else array[..., :1]
        if (grey != grey[..., :1]).any():
            remedy = (
                "set data.coding=rgb and data.palette"
                if coding.coding == "index"
                else "save it as one grey channel"
            )
            raise UnfitFileError(RULES[coding.coding], "colours", remedy)
        array = grey[..., 0]
    return array.astype(np.int32)


def from_index(mask: "Image", coding: MaskCoding) -> NDArray[np.int32]:
    """Return the class indices of a mask that stores them, (H, W).

    Raises:
        UnfitFileError: a number is neither a class nor the ignore index.
    """
    values = one_number(mask, coding)
    wrong = outside(values, len(coding.class_names), coding.ignore_index)
    if wrong.any():
        ignored = (
            "" if coding.ignore_index is None else f" or the ignore index {coding.ignore_index}"
        )
        raise UnfitFileError(
            f"Mask values must be a class, 0 to {len(coding.class_names) - 1}{ignored}",
            "holds " + ", ".join(str(value) for value in np.unique(values[wrong])[:4]),
            "correct the mask, set data.num_classes or data.ignore_index, or data.coding=binary for"
            " masks of 0 and 255",
        )
    return values


def from_binary(mask: "Image", coding: MaskCoding) -> NDArray[np.int32]:
    """Return a mask of 0 and one other value as 0 and 1, (H, W).

    Raises:
        UnfitFileError: it holds more values, or the other one is neither 1 nor 255.
    """
    values = one_number(mask, coding)
    ignored = (
        values == coding.ignore_index
        if coding.ignore_index is not None
        else np.zeros(values.shape, np.bool_)
    )
    found = np.unique(values[~ignored])
    others = found[found != 0]
    if len(others) > 1 or (len(others) == 1 and others[0] not in (1, 255)):
        detail = (
            "holds "
            + ", ".join(str(value) for value in found[:4])
            + (", ..." if len(found) > 4 else "")
        )
        raise UnfitFileError(
            RULES["binary"],
            detail,
            "threshold the mask and save it without loss, or set data.coding=index",
        )
    return np.where(ignored, coding.fill, values != 0).astype(np.int32)


def from_rgb(mask: "Image", coding: MaskCoding) -> NDArray[np.int32]:
    """Return the classes of a mask by the colours of the palette, (H, W).

    Raises:
        UnfitFileError: it holds another colour.
    """
    array = np.asarray(mask.convert("RGB"), dtype=np.int32)
    packed = (array[..., 0] << 16) | (array[..., 1] << 8) | array[..., 2]
    indices = np.full(packed.shape, -1, np.int32)
    known = list(enumerate(coding.colors))
    if coding.ignore_color is not None:
        known.append((coding.fill, coding.ignore_color))
    matched = np.zeros(packed.shape, np.bool_)
    for index, (red, green, blue) in known:
        here = packed == (red << 16 | green << 8 | blue)
        indices[here] = index
        matched |= here
    if not matched.all():
        found = np.unique(packed[~matched])[:3]
        colors = ", ".join(
            f"[{value >> 16}, {value >> 8 & 255}, {value & 255}]" for value in found.tolist()
        )
        raise UnfitFileError(
            RULES["rgb"], f"holds {colors}", "add the colour to data.palette (a class, or `ignore`)"
        )
    return indices


def from_trimap(mask: "Image", coding: MaskCoding) -> NDArray[np.int32]:
    """Return the classes of a trimap, (H, W): its values minus 1, or the ignore index for the
    border.

    Raises:
        UnfitFileError: it holds values other than 1 to 3.
    """
    values = one_number(mask, coding)
    if values.min() < 1 or values.max() > TRIMAP_BORDER:
        raise UnfitFileError(
            RULES["trimap"], f"holds {values.min()} to {values.max()}", "unpack the archive again"
        )
    return (
        values - 1
        if coding.ignore_index is None
        else np.where(values == TRIMAP_BORDER, coding.ignore_index, values - 1)
    )


READERS = {"index": from_index, "binary": from_binary, "rgb": from_rgb, "trimap": from_trimap}
