"""TrivialAugment and RandAugment of whole batches: each sample gets its own operation, and samples
with the same operation are transformed together.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convsweep.data.augment.affine import inverse_affine, resample
from convsweep.data.augment.step import Fill, Size, beside
from convsweep.errors import UserError

# The largest value of 8-bit images.
WHITE = 255
MOVES = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")


@dataclass(frozen=True)
class AugmentPolicy:
    """Applies random operations in sequence to 8-bit images of 1 or 3 channels.

    Masks are moved with their images.

    Args:
        shear, rotate, factor: largest magnitudes; degrees, and change of brightness, colour,
            contrast and sharpness.
        translate: largest shift in pixels, or None for 150/331 of the size.
        posterize: largest number of bits that are dropped.
        bins: number of magnitudes from none to the largest.
        magnitude: index of the one that is used; None draws it.
        num_operations: for each sample.
        bilinear: interpolate rather than take the nearest value.
    """

    shear: float
    translate: float | None
    rotate: float
    factor: float
    posterize: int
    bins: int
    magnitude: int | None
    num_operations: int
    bilinear: bool

    def draw(self, count: int, size: Size, generator: Generator) -> Tensor:
        """Return the index and magnitude of each operation, (count, num_operations, 2)."""
        shape = (count, self.num_operations)
        number = torch.randint(len(OPERATIONS), shape, generator=generator)
        strength = (
            torch.randint(self.bins, shape, generator=generator)
            if self.magnitude is None
            else torch.full(shape, self.magnitude)
        )
        negative = torch.rand(shape, generator=generator) <= 0.5
        magnitude = self.magnitudes(size)[number, strength]
        signed = torch.tensor([name in SIGNED for name in OPERATIONS])[number]
        return torch.stack(
            [number.double(), torch.where(signed & negative, -magnitude, magnitude)], dim=2
        )

    def magnitudes(self, size: Size) -> Tensor:
        """Return the magnitudes of each operation on images of (height, width), (operations,
        bins).
        """
        height, width = size
        moves = [self.translate] * 2 if self.translate else [150 / 331 * width, 150 / 331 * height]
        largest = [0, self.shear, self.shear, *moves, self.rotate, *[self.factor] * 4]
        rising = [torch.linspace(0.0, most, self.bins) for most in largest]
        bits = (8 - torch.arange(self.bins) / ((self.bins - 1) / self.posterize)).round()
        falling = torch.linspace(1.0, 0.0, self.bins)
        return torch.stack([*rising, bits, falling, *[torch.zeros(self.bins)] * 2]).double()

    def apply(self, x: Tensor, drawn: Tensor, fill: Fill, nearest: bool) -> Tensor:
        """Return the transformed batch (B, C, H, W); masks are only moved.

        Raises:
            UserError: images are not 8-bit, or have neither 1 nor 3 channels.
        """
        if not nearest and (x.dtype != torch.uint8 or x.shape[1] not in (1, 3)):
            raise UserError(
                "TrivialAugment and RandAugment of data.augment need images of 8 bits with 1 or 3"
                f" channels, but they are {x.dtype} with {x.shape[1]}; use other transforms"
            )
        for operation in range(self.num_operations):
            number, magnitude = drawn[:, operation].unbind(1)
            x = self.apply_operations(x, number.long(), magnitude, fill, nearest)
        return x

    def apply_operations(
        self, x: Tensor, number: Tensor, magnitude: Tensor, fill: Fill, nearest: bool
    ) -> Tensor:
        """Return the batch after one operation a sample: sorted by operation, transformed in
        groups, and restored to its order.
        """
        # sorted on the CPU, so that the group sizes are known without waiting for a GPU
        order = number.argsort(stable=True)
        counts = number.bincount(minlength=len(OPERATIONS)).tolist()
        same, moved = counts[0], sum(counts[1 : 1 + len(MOVES)])
        places, strength = beside(order, x), beside(magnitude[order].float(), x)
        sizes = [same, moved, *counts[1 + len(MOVES) :]]
        kept, turned, *others = x[places].split(sizes)
        changed = [kept]
        if moved:
            rows = order[same : same + moved]
            changed.append(self.apply_moves(turned, number[rows], magnitude[rows], fill, nearest))
        for name, part, own in zip(CHANGES, others, strength.split(sizes)[2:], strict=True):
            if len(part):
                changed.append(part if nearest else CHANGES[name](part, own.view(-1, 1, 1, 1)))
        result = torch.empty_like(x)
        result[places] = torch.cat(changed)
        return result

    def apply_moves(
        self, x: Tensor, number: Tensor, magnitude: Tensor, fill: Fill, nearest: bool
    ) -> Tensor:
        """Return samples sheared about their upper left corner, shifted or rotated."""
        height, width = x.shape[2:]
        drawn = torch.zeros(len(x), 6, dtype=magnitude.dtype)
        drawn[:, 3] = 1
        names = {name: number == place for place, name in enumerate(MOVES, start=1)}
        angle = magnitude.atan().rad2deg()
        columns = [-magnitude, magnitude.trunc(), magnitude.trunc(), angle, angle]
        for column, name, values in zip(
            [0, 1, 2, 4, 5],
            ["Rotate", "TranslateX", "TranslateY", "ShearX", "ShearY"],
            columns,
            strict=True,
        ):
            drawn[:, column] = torch.where(names[name], values, drawn[:, column])
        corner = torch.tensor([-0.5 * width, -0.5 * height], dtype=magnitude.dtype)
        fixed = (names["ShearX"] | names["ShearY"]).unsqueeze(1) * corner
        matrices = beside(inverse_affine(drawn, fixed), x)
        return resample(x, matrices, fill, self.bilinear and not nearest)


def eight_bits(values: Tensor) -> Tensor:
    """Return values as bytes, clipped to 0 and 255."""
    return values.clamp_(0, WHITE).to(torch.uint8)


def gray(x: Tensor) -> Tensor:
    """Return the brightness (B, 1, H, W) in whole numbers."""
    if x.shape[1] == 1:
        return x.float()
    red, green, blue = x.split(1, dim=1)
    whole: Tensor = (red * 0.2989 + green * 0.587 + blue * 0.114).floor()
    return whole


def brightness(x: Tensor, change: Tensor) -> Tensor:
    """Return brighter or darker images."""
    return eight_bits(x * (1 + change))


def color(x: Tensor, change: Tensor) -> Tensor:
    """Return images with more or less saturation; images of one channel are unchanged."""
    return x if x.shape[1] == 1 else eight_bits(x * (1 + change) - gray(x) * change)


def contrast(x: Tensor, change: Tensor) -> Tensor:
    """Return images with more or less contrast about their mean brightness."""
    mean = gray(x).mean((1, 2, 3), keepdim=True)
    return eight_bits(x * (1 + change) - mean * change)


def sharpness(x: Tensor, change: Tensor) -> Tensor:
    """Return images sharpened or blurred; border pixels stay unchanged."""
    if min(x.shape[2:]) <= 2:
        return x
    channels, values = x.shape[1], x.float()
    kernel = torch.full((channels, 1, 3, 3), 1 / 13, device=x.device)
    kernel[:, :, 1, 1] = 5 / 13
    inside = values[:, :, 1:-1, 1:-1]
    blurred = F.conv2d(values, kernel, groups=channels).round_()
    inside.sub_(blurred.sub_(inside).mul_(change))
    return eight_bits(values)


def posterize(x: Tensor, bits: Tensor) -> Tensor:
    """Return images with fewer grey levels in each channel."""
    dropped = (8 - bits).to(torch.uint8)
    return x >> dropped << dropped


def solarize(x: Tensor, threshold: Tensor) -> Tensor:
    """Return images inverted where they are brighter than a threshold."""
    return torch.where(x >= threshold * WHITE, WHITE - x, x)


def autocontrast(x: Tensor, _magnitude: Tensor) -> Tensor:
    """Return images with each channel stretched to the range from black to white."""
    from torchvision.transforms.v2 import functional

    changed: Tensor = functional.autocontrast(x)
    return changed


def equalize(x: Tensor, _magnitude: Tensor) -> Tensor:
    """Return images with the histogram of each channel equalised."""
    from torchvision.transforms.v2 import functional

    changed: Tensor = functional.equalize(x)
    return changed


CHANGES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Brightness": brightness,
    "Color": color,
    "Contrast": contrast,
    "Sharpness": sharpness,
    "Posterize": posterize,
    "Solarize": solarize,
    "AutoContrast": autocontrast,
    "Equalize": equalize,
}
OPERATIONS = ("Identity", *MOVES, *CHANGES)
SIGNED = (*MOVES, "Brightness", "Color", "Contrast", "Sharpness")


def trivial_augment(bins: int, bilinear: bool) -> AugmentPolicy:
    """Return TrivialAugment Wide (Müller & Hutter 2021): one operation of any magnitude."""
    return AugmentPolicy(0.99, 32.0, 135.0, 0.99, 6, bins, None, 1, bilinear)


def rand_augment(num_operations: int, magnitude: int, bins: int, bilinear: bool) -> AugmentPolicy:
    """Return RandAugment (Cubuk et al. 2020): several operations of one magnitude.

    Raises:
        UserError: the magnitude is out of range.
    """
    if not 0 <= magnitude < bins:
        raise UserError(
            f"magnitude of RandAugment in data.augment must lie from 0 to {bins - 1}, below"
            f" num_magnitude_bins, but is {magnitude}"
        )
    return AugmentPolicy(0.3, None, 30.0, 0.9, 4, bins, magnitude, num_operations, bilinear)
