"""Reading of image files as samples, and writing of samples as files, grids and animations."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from convsweep.data.files.images import COLORS, UnfitFileError, in_color, open_image
from convsweep.errors import UserError
from convsweep.explain.synth.subject import SynthSubject
from convsweep.nets.blocks import LINEAR_UPSAMPLE

if TYPE_CHECKING:
    from PIL.Image import Image

# Of a frame of the animation.
FRAME_MS = 80


def size_of(
    size: int | Sequence[int] | None, dim: int, otherwise: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the size of an image from one number for all axes, one number an axis, or null.

    Raises:
        UserError: it is something else.
    """
    if size is None:
        return otherwise
    sizes = (size,) * dim if isinstance(size, int) else tuple(size)
    if len(sizes) != dim or not all(isinstance(length, int) and length > 0 for length in sizes):
        raise UserError(f"size must be null, a whole number > 0, or {dim} of them, but is {size}")
    return sizes


def resize(u: Tensor, size: Sequence[int]) -> Tensor:
    """Return samples (N, C, *spatial) interpolated linearly to another size."""
    return F.interpolate(u, tuple(size), mode=LINEAR_UPSAMPLE[u.dim() - 2], align_corners=False)


def read(file: str | Path, subject: SynthSubject, size: int | Sequence[int] | None) -> Tensor:
    """Return an image file, or a signal or volume in a .npy file, as a sample (1, C, *spatial) in
    the units of the network.

    Args:
        size: null: the file's; for images one number is the longer side.

    Raises:
        UserError: the file cannot be read, or has other channels or axes.
    """
    path, channels = Path(file), subject.in_shape[0]
    if path.suffix == ".npy":
        raw = from_array(path, subject)
        return subject.units(raw if size is None else resize(raw, size_of(size, subject.dim, ())))
    if subject.dim != 2 or channels not in COLORS:
        raise UserError(
            "an image file suits a network of 1 or 3 channels and two axes, not"
            f" {subject.in_shape}; use a .npy file"
        )
    try:
        image = in_color(open_image(path), COLORS[channels])
    except UnfitFileError as error:
        raise UserError(f"{path} cannot be read: {error.detail}; {error.remedy}") from None
    if isinstance(size, int):
        factor = size / max(image.size)
        image = image.resize(
            (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        )
    elif size is not None:
        height, width = size_of(size, 2, ())
        image = image.resize((width, height))
    array = np.asarray(image, dtype=np.float32).reshape(image.height, image.width, channels)
    return subject.units(torch.from_numpy(array.transpose(2, 0, 1).copy())[None].to(subject.device))


def from_array(path: Path, subject: SynthSubject) -> Tensor:
    """Return the raw sample of a .npy file.

    Raises:
        UserError: it cannot be read, or has another number of channels or axes.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} is not a readable .npy file: {error}") from None
    if array.ndim != subject.dim + 1 or array.shape[0] != subject.in_shape[0]:
        rule = f"one sample of {subject.in_shape[0]} channels and {subject.dim} axes"
        raise UserError(
            f"{path} must hold {rule}, but has the shape {array.shape}; save it as (channels,"
            " positions)"
        )
    return torch.from_numpy(array.astype(np.float32))[None].to(subject.device)


def drawable(u: Tensor, subject: SynthSubject) -> NDArray[np.uint8]:
    """Return one sample (C, *spatial) as a picture (H, W) or (H, W, 3) with full contrast; of a
    volume the middle slice.
    """
    raw = subject.raw(u[None].detach())[0].float().cpu()
    while raw.dim() > 3:
        raw = raw[:, raw.shape[1] // 2]
    if raw.dim() == 2:
        raw = raw[:, None]
    shown = raw if len(raw) == 3 else raw[:1]
    low, high = subject.limits or (float(shown.min()), float(shown.max()))
    grey = ((shown - low) / max(high - low, 1e-8)).clamp(0, 1).mul(255).round().byte().numpy()
    return np.asarray(grey[0] if len(grey) == 1 else grey.transpose(1, 2, 0))


def save(u: Tensor, subject: SynthSubject, folder: Path, name: str) -> Path:
    """Write one sample (C, *spatial), an image as PNG, others as .npy and a picture. Return the
    file.
    """
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    if subject.dim == 2 and len(u) in COLORS:
        Image.fromarray(drawable(u, subject)).save(folder / f"{name}.png")
        return folder / f"{name}.png"
    np.save(folder / f"{name}.npy", subject.raw(u[None].detach())[0].float().cpu().numpy())
    save_grid([u], [name], subject, folder / f"{name}.png")
    return folder / f"{name}.npy"


def save_grid(
    images: Sequence[Tensor], titles: Sequence[str], subject: SynthSubject, file: Path
) -> None:
    """Write samples (C, *spatial) side by side, each under its title."""
    from matplotlib.figure import Figure

    columns = min(len(images), 10 if len(images) > 4 else 4)
    rows = math.ceil(len(images) / columns)
    figure = Figure(figsize=(1.5 * columns, 1.75 * rows))
    figure.subplots_adjust(
        left=0.01, right=0.99, bottom=0.01, top=1 - 0.25 / (1.75 * rows), wspace=0.05, hspace=0.25
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, image, title in zip(grid.flat, images, titles, strict=False):
        axes.set_title(title, fontsize=8)
        if subject.dim == 1:
            axes.plot(subject.raw(image[None].detach())[0].float().cpu().T, linewidth=0.8)
        else:
            axes.imshow(
                drawable(image, subject), cmap="gray", vmin=0, vmax=255, interpolation="nearest"
            )
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)


def save_animation(frames: Sequence["Image"], file: Path) -> None:
    """Write pictures as an animated GIF in the size of the last one, which is shown for a
    second.
    """
    same = [frame.resize(frames[-1].size) for frame in frames]
    durations = [FRAME_MS] * (len(same) - 1) + [1000]
    same[0].save(file, save_all=True, append_images=same[1:], duration=durations, loop=0)
