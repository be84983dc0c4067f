"""One image file to one uint8 array: colour, orientation and size."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from convsweep.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

Color = Literal["auto", "grey", "rgb"]
# Colour by number of channels.
COLORS: dict[int, Literal["grey", "rgb"]] = {1: "grey", 3: "rgb"}

Resize = Literal["stretch", "crop", "pad"]
Size = tuple[int, int]
T = TypeVar("T")
# Tag of an image's orientation, and its values for which rows and columns are exchanged.
EXIF_ORIENTATION, ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)
EXTENSIONS = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}
)
# Default value of a 16-bit image that becomes 255 in 8 bits.
WHITE = 65535
GREY_MODES = frozenset({"1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I"})


class UnfitFileError(Exception):
    """A file that breaks a rule; collected, so that one message can list several files.

    Args:
        rule: what must hold, the same text for every file that breaks it.
        detail: what this file has instead.
        remedy: what to do.
    """

    def __init__(self, rule: str, detail: str, remedy: str) -> None:
        super().__init__(rule, detail, remedy)
        self.rule, self.detail, self.remedy = rule, detail, remedy
        self.file: Path | None = None
        """The file, if it is not the one that the sample is named after."""


class UnreadableFileError(UnfitFileError):
    """A file whose contents cannot be decoded: cut off, empty, or of another format."""


@dataclass(frozen=True)
class ImageDecoding:
    """How image files become arrays of one shape.

    Args:
        image_size: (height, width) of every array; None: all files are of one size.
        resize: "stretch" to the size, "crop" the middle of the right proportions, or "pad" with
            black.
        color: "grey", "rgb", or "auto": the colour of the first file, which all must share.
        white: the value of 16-bit images that becomes 255, as do brighter ones.
    """

    image_size: tuple[int, int] | None = None
    resize: Resize = "stretch"
    color: Color = "auto"
    white: int = WHITE

    def __post_init__(self) -> None:
        if not isinstance(self.white, int) or not 1 <= self.white <= WHITE:
            raise UserError(
                f"data.white must be a value of 16-bit images, 1 to {WHITE}, but is {self.white}"
            )


def open_image(path: Path) -> "Image":
    """Return the decoded image, upright.

    Raises:
        UnreadableFileError: it is cut off, or no image.
        UnfitFileError: it holds several.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            check_single(file)
            return ImageOps.exif_transpose(file)
    except Image.DecompressionBombError as error:
        assert Image.MAX_IMAGE_PIXELS is not None
        raise UnfitFileError(
            f"Every image must have at most {2 * Image.MAX_IMAGE_PIXELS:,} pixels",
            "more",
            "cut it into pieces, such as one for each region, and set data.group to their name",
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, UnidentifiedImageError) as error:
        reason = (
            "no image"
            if isinstance(error, UnidentifiedImageError)
            else str(error).split("(")[0].strip()
        )
        raise UnreadableFileError(
            "Every file must be a whole image", reason, "replace or remove it"
        ) from error


def look_into(path: Path, look: Callable[["Image"], T]) -> T | None:
    """Return what a function says of an image file that is opened and not decoded; None if it is no
    image, which reading it reports.
    """
    from PIL import Image

    try:
        with Image.open(path) as file:
            return look(file)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def upright_size(file: "Image") -> Size:
    """Return the (height, width) of an opened image after it is turned upright."""
    lies_on_its_side = file.getexif().get(EXIF_ORIENTATION) in ON_ITS_SIDE
    return (file.width, file.height) if lies_on_its_side else (file.height, file.width)


def check_single(file: "Image") -> None:
    """Raise UnfitFileError if a TIFF has further pages of the first one's size; smaller pages are
    previews.
    """
    num_pages = getattr(file, "n_frames", 1) if file.format == "TIFF" else 1
    size = file.size
    for page in range(1, num_pages):
        file.seek(page)
        if file.size == size:
            remedy = "save each page as a file of its own, or take data=arrays"
            raise UnfitFileError("Every file must be one picture", f"{num_pages} pages", remedy)
    if num_pages > 1:
        file.seek(0)


def is_deep(image: "Image") -> bool:
    """Whether pixels have more than 8 bits a channel."""
    return image.mode.startswith("I")


def color_of(image: "Image") -> Literal["grey", "rgb"]:
    return "grey" if image.mode in GREY_MODES else "rgb"


def shape_by(first: Path, decoding: ImageDecoding) -> tuple[int, int, int]:
    """Return the shape (C, H, W) of every array; what the config leaves open is taken from the
    first file.

    Raises:
        UnfitFileError: if the file is no image.
    """
    image = open_image(first)
    color = color_of(image) if decoding.color == "auto" else decoding.color
    height, width = decoding.image_size or (image.height, image.width)
    return 1 if color == "grey" else 3, height, width


def decode_image(
    image: "Image", decoding: ImageDecoding, shape: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Return an image as an array of this shape.

    Shape:
        (C, H, W) uint8

    Raises:
        UnfitFileError: if colour or size differ from those of the first file and the config does
            not settle them.
    """
    color = COLORS[shape[0]]
    if decoding.color == "auto" and color_of(image) != color:
        raise UnfitFileError(
            f"All images must be {color} as the first is",
            color_of(image),
            "set data.color to grey or rgb to convert all of them",
        )
    pixels = fit(in_color(image, color, decoding.white), decoding, shape[1:], nearest=False, fill=0)
    array = np.asarray(pixels, dtype=np.uint8)
    return array[None] if color == "grey" else np.ascontiguousarray(array.transpose(2, 0, 1))


def in_color(image: "Image", color: str, white: int = WHITE) -> "Image":
    """Return the image in 8 bits, grey or RGB; values of 16-bit grey from `white` on become 255.

    Raises:
        UnfitFileError: it holds fractions, or values beyond 16 bits.
    """
    from PIL import Image

    if image.mode == "F":
        remedy = "save it with 8 or 16 bits, or take data=arrays"
        raise UnfitFileError("Every image must hold whole numbers", "32-bit fractions", remedy)
    if is_deep(image):
        deep = np.asarray(image, dtype=np.int64)
        low, high = int(deep.min()), int(deep.max())
        if low < 0 or high > WHITE:
            remedy = "scale it to 16 bits, or take data=arrays"
            raise UnfitFileError(
                f"Every image must hold values of 0 to {WHITE:,}", f"{low:,} to {high:,}", remedy
            )
        deep = np.minimum(deep, white)
        image = Image.fromarray((deep * 256 // (white + 1)).astype(np.uint8))
    return image.convert("L" if color == "grey" else "RGB")


def fit(
    image: "Image", decoding: ImageDecoding, size: tuple[int, int], *, nearest: bool, fill: int
) -> "Image":
    """Return an image or mask resized to (height, width), both by the same geometry.

    Raises:
        UnfitFileError: if it has another size and `image_size` is None.
    """
    from PIL import Image

    height, width = size
    if (image.height, image.width) == size:
        return image
    if decoding.image_size is None:
        raise UnfitFileError(
            f"All images must be of one size, {height}x{width} as the first, where data.image_size"
            " is null",
            f"{image.height}x{image.width}",
            "set data.image_size, or data.crop_size for images with masks",
        )
    method: Any = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    if decoding.resize == "stretch":
        return image.resize((width, height), method)
    if decoding.resize == "crop":
        scale = min(image.width / width, image.height / height)
        left, top = (image.width - width * scale) / 2, (image.height - height * scale) / 2
        return image.resize(
            (width, height), method, box=(left, top, left + width * scale, top + height * scale)
        )
    scale = min(width / image.width, height / image.height)
    inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    padded = Image.new(
        image.mode,
        (width, height),
        fill if len(image.getbands()) == 1 else (fill,) * len(image.getbands()),
    )
    padded.paste(image.resize(inner, method), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return padded
