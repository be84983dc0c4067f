"""Augmentation by torchvision v2, with separate draws for every sample, the same for image and
mask.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from convsweep.data.augment.batch import batch_steps
from convsweep.data.samples import DataInfo
from convsweep.errors import UserError

Transforms = Mapping[str, Callable[..., Any]] | Sequence[Callable[..., Any]]
AugmentBy = Literal["auto", "batch", "sample"]


class Augmentation:
    """Applies torchvision v2 transforms to a batch, with draws for each sample.

    If all transforms have a version for whole batches (`batch_steps`), the batch is transformed at
    once on its device, otherwise sample by sample in memory.

    All draws follow from the seed that is passed, so a batch is the same with any number of workers
    and after a resume; global generators do not influence them. Masks are resampled to the nearest
    value; positions that a rotation or padding adds to a mask get the ignore index, or class 0 if
    there is none.

    torchvision's transforms work on the last two axes; every slice of a volume is transformed
    alike. A transform with `any_dim = True` works on any number of axes.

    Args:
        transforms: v2 transforms in order, or a mapping with them as values.
        info: about the data set.
        by: `batch`, `sample`, or `auto`: by batch if possible.

    Raises:
        UserError: if the samples are signals and a transform is for images, if a colour would fill
            masks too, or `by` is `batch` and a transform has no batch version.
    """

    def __init__(self, transforms: Transforms, info: DataInfo, by: AugmentBy = "auto") -> None:
        self.steps = (
            list(transforms.values()) if isinstance(transforms, Mapping) else list(transforms)
        )
        for_images = [
            type(step).__name__ for step in self.steps if not getattr(step, "any_dim", False)
        ]
        if len(info.spatial_shape) < 2 and for_images:
            raise UserError(
                f"{for_images[0]} of data.augment works on images and volumes, but samples have the"
                f" shape {info.in_shape}; use data/augment=none or data/augment=mirror."
            )
        self.masks, self.for_images = info.kind.has_masks, bool(for_images)
        self.uncovered = 0 if info.ignore_index is None else info.ignore_index
        if self.masks:
            check_fills(self.steps)
        fills = [fill_of(step) for step in self.steps]
        at_once = by != "sample"
        self.batched = batch_steps(self.steps, info.spatial_shape, fills) if at_once else None
        self.fills = fills
        if by == "batch" and self.batched is None:
            names = ", ".join(type(step).__name__ for step in self.steps)
            raise UserError(
                f"data.augment_by=batch needs transforms for whole batches, but there are {names};"
                " use auto or sample"
            )

    def __call__(self, x: Tensor, y: Tensor, seed: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Return the batch with every sample augmented.

        Args:
            seed: determines all draws.

        Shape:
            x: (B, C, H, W), y: (B,) or (B, H, W) -> the same

        Raises:
            UserError: if a transform changes shape or dtype.
        """
        if self.batched is not None:
            return self.at_once(x, y, seed)
        images, masks = torch.empty_like(x), y.clone()
        with torch.random.fork_rng(devices=[]):
            # faster than torch.manual_seed, which records its caller for each kind of device
            torch.default_generator.manual_seed(mix(seed))
            for i in range(len(x)):
                image, mask = self.one(x[i], y[i])
                if image.shape != x[i].shape or image.dtype != x.dtype or mask.shape != y[i].shape:
                    raise UserError(
                        f"data.augment must keep shape and dtype, but made {tuple(x[i].shape)}"
                        f" {x.dtype} into {tuple(image.shape)} {image.dtype}; crop back to the same"
                        " size, and leave conversion and normalisation to the model."
                    )
                images[i], masks[i] = image, mask
        return images, masks

    def at_once(self, x: Tensor, y: Tensor, seed: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Return the batch transformed on its device, with the same draws on every device."""
        assert self.batched is not None
        generator = torch.Generator().manual_seed(mix(seed))
        masks = y.unsqueeze(1) if self.masks else None
        for step, fill in zip(self.batched, self.fills, strict=True):
            drawn = step.draw(len(x), tuple(x.shape[2:]), generator)
            x = step.apply(x, drawn, fill, nearest=False)
            masks = (
                None if masks is None else step.apply(masks, drawn, self.uncovered, nearest=True)
            )
        return x, y if masks is None else masks.squeeze(1)

    def rehearse(self, x: Tensor, y: Tensor) -> None:
        """Apply all transforms to a batch once.

        Raises:
            UserError: if they cannot be applied to such samples.
        """
        try:
            self(x, y, (0,))
        except UserError:
            raise
        except (RuntimeError, ValueError, TypeError) as error:
            raise UserError(
                f"data.augment cannot be applied to samples of shape {tuple(x.shape[1:])}: {error}"
            ) from error

    def one(self, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Return one image, and its mask if it has one, after all transforms."""
        if not self.masks:
            for step in self.steps:
                # v2 treats a plain tensor as an image, 20% faster than `tv_tensors.Image`
                image = step(image)
            return image, label
        pair: tuple[Tensor, Tensor] = image, label
        if self.for_images:
            from torchvision import tv_tensors

            pair = tv_tensors.Image(image), tv_tensors.Mask(label)
        for step in self.steps:
            pair = self.with_mask(step, *pair) if is_torchvisions(step) else step(*pair)
        return pair[0].as_subclass(Tensor), pair[1].as_subclass(Tensor)

    def with_mask(
        self, step: Callable[..., Any], image: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return an image and its mask after one torchvision transform, which fills both with the
        same number.

        Filled positions are found by transforming a second mask with other labels everywhere: the
        two results agree only at filled positions.
        """
        from torchvision import tv_tensors

        labels = mask.as_subclass(Tensor)
        image, changed = step(image, tv_tensors.Mask(torch.stack([labels, labels + 1])))
        first, second = changed.as_subclass(Tensor)
        return image, tv_tensors.Mask(torch.where(first == second, self.uncovered, first))


def mix(seed: tuple[int, ...]) -> int:
    """Return one 63-bit seed for torch computed from several numbers."""
    from numpy.random import SeedSequence

    return int(SeedSequence(seed).generate_state(1, "uint64")[0] >> 1)


def is_torchvisions(step: Any) -> bool:
    """Return whether a transform is one of torchvision v2."""
    from torchvision.transforms import v2

    return isinstance(step, v2.Transform)


def fill_of(step: Any) -> Any:
    """Return the fill value of a transform for images."""
    from torchvision import tv_tensors

    fill = getattr(step, "fill", None)
    return fill.get(tv_tensors.Image, fill.get("others")) if isinstance(fill, Mapping) else fill


def check_fills(steps: Iterable[Any]) -> None:
    """Raise `UserError` if a transform, nested ones included, would fill masks with a colour."""
    for step in steps:
        check_fills(getattr(step, "transforms", None) or ())
        fill = getattr(step, "fill", None)
        if isinstance(fill, Sequence):
            raise UserError(
                f"fill of {type(step).__name__} in data.augment must be one number, since"
                f" torchvision fills masks with it too, but is {list(fill)}; use one number for all"
                " channels"
            )
