"""The stages of a network: layers, output shape and cost, from a config without weights."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsweep.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from convsweep.cost import Cost, Layer


@dataclass(frozen=True)
class Part:
    """A stage, stem or head of a network.

    Attributes:
        name: of the module in the network.
        does: description of its layers, with equal consecutive ones counted.
        skip: of its blocks: `add`, `concat` or empty.
        out_shape: (C, *spatial) of its output.
        params, macs: of the part.
        sees: receptive field of its output, None if that has no positions.
    """

    name: str
    does: Sequence[str]
    skip: str
    out_shape: tuple[int, ...]
    params: int
    macs: int
    sees: str | None

    @property
    def title(self) -> str:
        """The part's name as in errors and options: stages count from 1, levels from 0."""
        kind, _, place = self.name.rpartition(".")
        if not place.isdigit():
            return self.name
        return (
            f"{kind.removesuffix('s')} {int(place) + 1}" if kind == "stages" else f"{kind} {place}"
        )


@dataclass(frozen=True)
class DrawnNetwork:
    """A network: parts in execution order, a summary, and the pairs of parts that a U-Net's skips
    join.
    """

    summary: str
    in_shape: tuple[int, ...]
    parts: Sequence[Part]
    joined: Sequence[tuple[str, str]]


def architecture_of(config: Path) -> DrawnNetwork:
    """Build the network of a run's resolved config on the meta device and measure its cost.

    Raises:
        UserError: the config is not from a run, or its network cannot be built.
    """
    from omegaconf import OmegaConf

    from convsweep.training.imports import prepare_imports

    prepare_imports()
    from convsweep.cost import UntraceableError, measure, summary
    from convsweep.training import feasibility

    cfg: Any = OmegaConf.load(config)
    if (
        OmegaConf.select(cfg, "model.net") is None
        or OmegaConf.select(cfg, "shape.in_shape") is None
    ):
        raise UserError(
            f"a run's config must hold model.net and shape.in_shape, but {config} does not"
        )
    net = feasibility.build_on_meta(cfg)
    try:
        cost = measure(net, tuple(cfg.shape.in_shape))
    except UntraceableError as error:
        raise UserError(f"the network runs on data only: {error}") from error
    parts = parts_of(net, cost)
    return DrawnNetwork(
        summary(cost), cost.in_shape, parts, joined_parts(net, [part.name for part in parts])
    )


def parts_of(net: "nn.Module", cost: "Cost") -> list[Part]:
    """Return the parts of a measured network."""
    splits = {name for name, child in net.named_children() if is_row_of_stages(child)}
    layers: dict[str, list[Layer]] = {}
    for layer in cost.layers:
        path = layer.name.split(".")
        depth = 2 if path[0] in splits else 1
        if layer.name and len(path) >= depth:
            layers.setdefault(merge_part(path[:depth], net), []).append(layer)
    modules = dict(net.named_modules())
    parts = [part_of(name, own, modules) for name, own in layers.items()]
    return [part for part in parts if part.does]


def is_row_of_stages(module: "nn.Module") -> bool:
    """Return whether the children of a module are separate stages."""
    from torch import nn

    children = list(module.children())
    is_row = (
        isinstance(module, nn.Sequential)
        and len(children) > 0
        and all(isinstance(c, nn.Sequential) for c in children)
    )
    return isinstance(module, nn.ModuleList) or is_row


def merge_part(path: Sequence[str], net: "nn.Module") -> str:
    """Return the part of a layer; a U-Net's down- and upsampling belong to the level after them, a
    gate to the level that joins what it lets through.
    """
    from convsweep.nets.unet import UNet

    if isinstance(net, UNet) and path[0] == "down":
        return f"encoder.{int(path[1]) + 1}"
    if isinstance(net, UNet) and path[0] in ("up", "gates"):
        return f"decoder.{path[1]}"
    return ".".join(path)


def joined_parts(net: "nn.Module", names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of parts that are joined by a U-Net's skip connections."""
    from convsweep.nets.unet import UNet

    if not isinstance(net, UNet):
        return []
    pairs = [
        (f"encoder.{level}", f"decoder.{index}")
        for index, level in reversed(list(enumerate(net.joined)))
        if level is not None
    ]
    return [pair for pair in pairs if set(pair) <= set(names)]


def part_of(name: str, layers: Sequence["Layer"], modules: dict[str, "nn.Module"]) -> Part:
    """Return a part from its layers."""
    from convsweep.cost.summary import size_in_words
    from convsweep.nets.residual import SkipBlock

    field = layers[-1].receptive_field
    skips = [module for layer in layers if isinstance(module := modules[layer.name], SkipBlock)]
    return Part(
        name=name,
        does=list(in_words([modules[layer.name] for layer in layers])),
        skip=("concat" if skips[0].concat else "add") if skips else "",
        out_shape=layers[-1].out_shape,
        params=sum(layer.params for layer in layers),
        macs=sum(layer.macs for layer in layers),
        sees=None if field is None else "everything" if field.everything else size_in_words(field),
    )


def in_words(modules: Sequence["nn.Module"]) -> Iterator[str]:
    """Yield descriptions of the layers, convolutions with their normalisation and activation, equal
    consecutive ones counted.
    """
    from torch import nn

    units: list[str] = []
    for module in modules:
        if isinstance(module, nn.Sequential | nn.ModuleList) or any(
            True for _ in module.children()
        ):
            continue
        text, follows = layer_in_words(module)
        if follows and units:
            units[-1] += f", {text}"
        elif text:
            units.append(text)
    for text, same in groupby(units):
        count = sum(1 for _ in same)
        yield f"{count} x ({text})" if count > 1 else text


def layer_in_words(module: Any) -> tuple[str, bool]:
    """Return a layer's description, and whether it belongs to the one before it."""
    kind = re.sub(r"[123]d$", "", type(module).__name__)
    plain = {
        "BatchNorm": "batch norm",
        "GroupNorm": "group norm",
        "InstanceNorm": "instance norm",
        "LayerNorm": "layer norm",
    }
    if kind in ("Conv", "ConvTranspose"):
        stride = f", stride {module.stride[0]}" if max(module.stride) > 1 else ""
        groups = f", {module.groups} groups" if module.groups > 1 else ""
        name = "conv" if kind == "Conv" else "transposed conv"
        return f"{name} {window(module.kernel_size)}{stride}{groups} → {module.out_channels}", False
    if kind in ("MaxPool", "AvgPool"):
        return (
            f"{'max' if kind == 'MaxPool' else 'average'} pool {window(module.kernel_size)}",
            False,
        )
    if kind.startswith("Adaptive"):
        return (
            f"{'max' if 'Max' in kind else 'average'} pool to {window(module.output_size)}",
            False,
        )
    if kind == "Linear":
        return f"linear → {module.out_features}", False
    if kind == "Upsample":
        return f"upsample x{module.scale_factor:g} ({module.mode})", False
    # the padding of a convolution with an even kernel
    if kind in ("Identity", "ConstantPad"):
        return "", False
    if kind.startswith("Dropout"):
        return f"dropout {module.p:.2g}", True
    return plain.get(kind, type(module).__name__.lower()), kind != "Flatten"


def window(size: int | Sequence[int]) -> str:
    """Return the size of a window as text."""
    return str(size) if isinstance(size, int) else "x".join(map(str, size))
