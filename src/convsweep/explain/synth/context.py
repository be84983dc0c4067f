"""Context of a synthesis: network, folder, seed, intermediate results and progress."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from convsweep.cli import commands
from convsweep.errors import UserError
from convsweep.explain.synth import pictures
from convsweep.explain.synth.components.parameterization import Parameterization, Pixels
from convsweep.explain.synth.early_check import check_kept
from convsweep.explain.synth.fitting_size import (
    Work,
    fitting_count,
    fitting_size,
    free_bytes,
    needs,
)
from convsweep.explain.synth.subject import SynthSubject
from hydra_study import is_out_of_memory

if TYPE_CHECKING:
    from PIL.Image import Image

# Reduction of a size that did not fit despite the estimate: half of the positions of an image.
SMALLER = 0.7

# Called after every step with a function that returns the images (N, C, *spatial), evaluated only
# for those that are kept.
Watch = Callable[[Callable[[], Tensor]], None]


class SynthesisContext:
    """Network, output and options of one synthesis.

    Args:
        subject: The network.
        folder: for all output.
        seed: of all random numbers, which are drawn on the CPU so that they do not depend on the
            device.
        size: of the images; null: as the training data, or as the start file.
        parameterization: returns a `Parameterization` for start images and subject.
        keep_every: steps between intermediate pictures; None: no pictures.
        animate: write the intermediate pictures as an animation too.
    """

    def __init__(
        self,
        subject: SynthSubject,
        folder: Path,
        seed: int = 0,
        size: int | Sequence[int] | None = None,
        parameterization: Callable[[Tensor, SynthSubject], Parameterization] = Pixels,
        keep_every: int | None = None,
        animate: bool = False,
    ) -> None:
        check_kept(keep_every, animate)
        self.subject, self.folder, self.size = subject, folder, size
        self.parameterization = parameterization
        self.keep_every, self.animate = keep_every, animate
        self.generator = torch.Generator().manual_seed(seed)
        self.frames: list[Image] = []
        self.asked: tuple[tuple[int, ...], Work] = (subject.in_shape[1:], Work())

    def noise(self, count: int, size: tuple[int, ...], spread: float) -> Tensor:
        """Return normal noise (N, C, *spatial) in the units of the network."""
        shape = (count, self.subject.in_shape[0], *size)
        return (torch.randn(shape, generator=self.generator) * spread).to(self.subject.device)

    def image_size(self) -> tuple[int, ...]:
        """Return the requested size, or the size of the training data."""
        return pictures.size_of(self.size, self.subject.dim, self.subject.in_shape[1:])

    @contextmanager
    def watch(self, what: str, steps: int) -> Iterator[Watch]:
        """Show the progress of a synthesis and keep intermediate pictures."""
        done = 0
        with commands.progress(what, steps) as advance:

            def step(images: Callable[[], Tensor]) -> None:
                nonlocal done
                done += 1
                advance(1)
                if self.keep_every is not None and (done % self.keep_every == 0 or done == steps):
                    self.keep(images().detach(), f"{what.replace(' ', '_')}_{done:05}")

            yield step

    def check_memory(self, size: tuple[int, ...], work: Work) -> None:
        """Check that work on images of a size can fit into memory, since running out of it on a CPU
        kills the process without a message.

        Raises:
            UserError: it cannot; the message states a size that can.
        """
        self.asked = (size, work)
        if self.subject.device.type == "cpu" and needs(self.subject, size, work) > free_bytes(
            self.subject.device
        ):
            raise UserError(self.too_large())

    @contextmanager
    def within_memory(self) -> Iterator[None]:
        """Convert out-of-memory errors of the block.

        Raises:
            UserError: the device is out of memory; the message states a size that fits.
        """
        try:
            yield
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            traceback.clear_frames(
                error.__traceback__
            )  # its frames hold the images that did not fit
            raise UserError(self.too_large()) from None

    def too_large(self) -> str:
        """Return the message for insufficient memory, with a size that fits by estimate and is
        smaller than the failed one.
        """
        size, work = self.asked
        subject = self.subject
        other = "" if subject.device.type == "cpu" else ", or use device=cpu"
        rule = f"the memory of {subject.device} does not suffice for"
        fewer = min(fitting_count(subject, size, work), work.count // 2)
        if fewer > 0:
            return (
                f"{rule} {work.count} images at a time; {fewer} would fit (method.count,"
                f" method.classes){other}"
            )
        fits = fitting_size(subject, work=replace(work, count=1))
        if prod(fits) >= prod(size):
            fits = tuple(max(1, int(SMALLER * length)) for length in size)
        hint = f"size={fits[0]}" if len(fits) == 1 else f"size=[{','.join(map(str, fits))}]"
        return f"{rule} an image of this size; {hint} would fit{other}"

    def keep(self, images: Tensor, name: str) -> None:
        """Keep an intermediate picture of the images, or of the first row if there are many."""
        from PIL import Image

        file = self.folder / "steps" / f"{name}.png"
        if len(images) == 1 and self.subject.dim == 2 and images.shape[1] in (1, 3):
            pictures.save(images[0], self.subject, file.parent, name)
        else:
            pictures.save_grid(list(images[:10]), [""] * len(images[:10]), self.subject, file)
        if self.animate:
            with Image.open(file) as frame:
                self.frames.append(frame.convert("RGB"))

    def finish(self) -> None:
        """Write the animation, if there is one."""
        if self.frames:
            pictures.save_animation(self.frames, self.folder / "steps.gif")
