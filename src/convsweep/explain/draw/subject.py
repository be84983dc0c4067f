"""The network to draw: from a config with initial random weights, or trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from convsweep.errors import UserError
from convsweep.models.normalize import Normalize
from convsweep.nets.geometry import shape_text
from convsweep.nets.sliding_window import cut
from convsweep.training import build

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule


@dataclass(frozen=True)
class DrawSubject:
    """A network in evaluation mode and its data.

    name: for titles.
    in_shape: (C, *spatial).
    normalize: normalisation of inputs; None: by mean and standard deviation of the data.
    checkpoint: source of its weights; None if they are random.
    """

    name: str
    net: nn.Module
    in_shape: tuple[int, ...]
    data: "DataModule"
    normalize: Normalize | None = None
    checkpoint: Path | None = None

    def samples(self, count: int) -> Tensor:
        """Return up to `count` normalised validation samples, (N, C, *spatial).

        Raises:
            UserError: the data is missing, or has another shape.
        """
        if tuple(self.data.info.in_shape) != self.in_shape:
            raise UserError(
                f"the network takes samples of shape {shape_text(self.in_shape)}, "
                f"but the data has {shape_text(self.data.info.in_shape)}; "
                "leave out the options of the data that differ from those in training"
            )
        self.data.setup("fit")
        batches, found = iter(self.data.val_dataloader()), 0
        parts: list[Tensor] = []
        while found < count and (batch := next(batches, None)) is not None:
            parts.append(self.piece_of(batch[0]))
            found += len(batch[0])
        normalize = self.normalize or Normalize(
            torch.as_tensor(self.data.mean), torch.as_tensor(self.data.std)
        )
        with torch.no_grad():
            normal: Tensor = normalize(torch.cat(parts)[:count])
        return normal.contiguous()

    def piece_of(self, x: Tensor) -> Tensor:
        """Return the middle of samples of any size, in the network's shape."""
        shape = self.in_shape[1:]
        if x.shape[2:] == torch.Size(shape):
            return x
        firsts = [(size - want) // 2 for size, want in zip(x.shape[2:], shape, strict=True)]
        return torch.stack([cut(sample, firsts, shape) for sample in x])


def from_config(cfg: DictConfig) -> DrawSubject:
    """Return the network of a composed config with its initial weights.

    Raises:
        UserError: an option is wrong, or the network cannot be built.
    """
    data = build.build_data(cfg)
    torch.manual_seed(int(cfg.seed))
    return DrawSubject(str(cfg.name), build.build_net(cfg).eval(), tuple(cfg.shape.in_shape), data)


def from_checkpoint(named: str, overrides: Sequence[str]) -> DrawSubject:
    """Return a trained network with its training data.

    Args:
        named: a checkpoint, the folder of a run, or that of a sweep.
        overrides: of the data's config, such as `data.root=...`.

    Raises:
        UserError: the checkpoint is missing, or an override is not one of the data.
    """
    from convsweep.training.trained import load_trained

    for override in overrides:
        if not override.startswith("data.") or "=" not in override:
            raise UserError(
                "with --checkpoint only the keys of its data can be given, such as data.root=...,"
                f" but not {override!r}"
            )
    trained = load_trained(named, "cpu")
    cfg: Any = OmegaConf.merge({"data": trained.data}, OmegaConf.from_dotlist(list(overrides)))
    model = trained.model
    name = type(model.net).__name__
    return DrawSubject(
        name,
        model.net,
        model.info.in_shape,
        build.data_module(cfg.data),
        model.normalize,
        trained.checkpoint,
    )
