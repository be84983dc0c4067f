"""The options of a stage of a `ConvNet`, and which of them belong together, without torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import lcm
from typing import Any, Literal

from convsweep.errors import UserError
from convsweep.nets.geometry import Padding
from convsweep.nets.options import (
    Activation,
    Attention,
    Block,
    Downsample,
    Norm,
    Skip,
    scale_width,
)


@dataclass(frozen=True)
class Stage:
    """Options of one stage: blocks at one resolution, and the step to the next.

    width: output channels of the stage, whatever the skip.
    num_blocks: blocks in the stage.
    block: `plain` one convolution; `basic` two; `bottleneck` 1x1 -> kernel -> 1x1 (He et al. 2015,
        fig. 5), under `skip: concat` 1x1 -> kernel (Huang et al. 2017); `separable` depthwise ->
        1x1 (MobileNet, Howard et al. 2017); `inverted` 1x1 -> depthwise -> 1x1 without activation
        (MobileNetV2, Sandler et al. 2018); `convnext` depthwise, norm, 1x1, activation, 1x1 (Liu et
        al. 2022).
    bottleneck_ratio: a bottleneck's inner channels are `width // bottleneck_ratio`, under `skip:
        concat` `bottleneck_ratio` times the channels that it adds; null = 4.
    expansion: inner channels of `inverted` and `convnext` blocks, as a multiple of their input
        channels; null = 6 for `inverted` (at 1 there is no first 1x1), 4 for `convnext`.
    kernel_size: of the spatial convolutions (not of the 1x1); a list in a stage gives each
        convolution of a `plain` or `basic` block its size, and so determines their number: `[8, 5,
        3]` is a block of three.
    dilation, padding: of the same convolutions. groups: of the same, where they are not depthwise.
    downsample: nothing; the `stride` of a convolution; a `max` or `average` pool; `blur`, a
        binomial filter with a stride (Zhang 2019); `patches`, a convolution whose kernel size is
        its stride.
    downsample_at: before the first block (`start`) or after/in the last (`end`).
    stride: of the downsampling, whatever its kind.
    pool_size: window of the pool or filter, null = stride (`blur`: stride + 1); larger windows
        overlap.
    pool_padding: positions added around the input of a pool.
    skip: `add` the block's input to its output (ResNet; a 1x1 convolution matches the shapes, but
        an `inverted` block has no skip where they differ) or `concat` it (DenseNet; at the end of
        the stage a 1x1 convolution brings the channels to `width` if they differ).
    dense_growth: channels each block adds under `concat`, null = width // num_blocks.
    attention: of each block over its channels: `se` squeeze and excitation (Hu et al. 2018),
        `hard_se` MobileNetV3's, `eca` (Wang et al. 2020); in `bottleneck` and `inverted` after the
        spatial convolution, else at the block's end.
    attention_ratio: hidden channels of squeeze and excitation are the block's input channels
        divided by it; null = 4.
    layer_scale: initial value of a learned factor for each channel of a block's output, before the
        sum; null = none.
    stochastic_depth: probability that the last block of the network is left out for a sample while
        training; it rises from 0 at the first block (Huang et al. 2016).
    norm, norm_groups, norm_eps: normalisation of each convolution; groups of `norm: group`; number
        added to the variance.
    norm_at: `after` a convolution, or `before` it together with the activation (pre-activation, He
        et al. 2016).
    activation: after each normalisation.
    dropout: probability that a whole feature map is dropped after a block (Tompson et al. 2015).
    """

    width: int = 32
    num_blocks: int = 1
    block: Block = "plain"
    bottleneck_ratio: int | None = None
    expansion: float | None = None
    kernel_size: int | Sequence[int] = 3
    dilation: int = 1
    groups: int = 1
    padding: Padding = "same"
    downsample: Downsample = "max"
    downsample_at: Literal["start", "end"] = "end"
    stride: int = 2
    pool_size: int | None = None
    pool_padding: int = 0
    skip: Skip = "none"
    dense_growth: int | None = None
    attention: Attention = "none"
    attention_ratio: float | None = None
    layer_scale: float | None = None
    stochastic_depth: float = 0.0
    norm: Norm = "batch"
    norm_groups: int = 8
    norm_eps: float = 1e-5
    norm_at: Literal["after", "before"] = "after"
    activation: Activation = "relu"
    dropout: float = 0.0

    @property
    def kernel_sizes(self) -> tuple[int, ...]:
        """Kernel sizes of a block's spatial convolutions, in order."""
        if not isinstance(self.kernel_size, int):
            return tuple(self.kernel_size)
        return (self.kernel_size,) * (2 if self.block == "basic" else 1)

    @property
    def pool_window(self) -> int:
        """Positions that the window of a pool or filter spans along an axis."""
        return self.pool_size or self.stride + (self.downsample == "blur")

    @property
    def growth(self) -> int:
        """Channels that each block adds under `skip: concat`."""
        return self.dense_growth or max(1, self.width // self.num_blocks)

    @property
    def groups_of_input(self) -> int:
        """Number that divides the channels which enter the stage: groups of its first layer."""
        convolved = self.groups if self.block in ("plain", "basic") else 1
        normed = self.norm_groups if self.norm == "group" and self.norm_at == "before" else 1
        return lcm(convolved, normed)

    @property
    def width_multiple(self) -> int:
        """Number that divides the width, so that the groups of all layers divide their channels."""
        groups = lcm(self.groups, self.norm_groups if self.norm == "group" else 1)
        if groups > 1 and self.skip == "concat" and self.dense_growth is None:
            return groups * self.num_blocks
        if self.block == "bottleneck" and self.skip != "concat":
            return groups * (self.bottleneck_ratio or 4) if groups > 1 else 1
        return groups

    def scale(self, factor: float, multiple: int) -> "Stage":
        """Return the stage with its width multiplied by `factor`, a multiple of `multiple`."""
        return replace(
            self,
            width=scale_width(self.width, factor, multiple),
            dense_growth=scale_width(self.dense_growth, factor, self.width_multiple),
        )


STAGE_DEFAULTS: Mapping[str, Any] = asdict(Stage())

# Options that apply to some stages only, and the condition.
BELONGS: dict[str, tuple[str, Callable[[Stage], bool]]] = {
    "bottleneck_ratio": ("block=bottleneck", lambda stage: stage.block == "bottleneck"),
    "expansion": (
        "block=inverted or convnext",
        lambda stage: stage.block in ("inverted", "convnext"),
    ),
    "groups": (
        "block=plain, basic or bottleneck",
        lambda stage: stage.block in ("plain", "basic", "bottleneck"),
    ),
    "norm_at": (
        "block=plain, basic or bottleneck",
        lambda stage: stage.block in ("plain", "basic", "bottleneck"),
    ),
    "dense_growth": ("skip=concat", lambda stage: stage.skip == "concat"),
    "layer_scale": ("skip=add", lambda stage: stage.skip == "add"),
    "stochastic_depth": ("skip=add", lambda stage: stage.skip == "add"),
    "attention_ratio": (
        "attention=se or hard_se",
        lambda stage: stage.attention in ("se", "hard_se"),
    ),
}


def check_belonging(
    stages: Sequence[Stage], shared: Mapping[str, Any], own: Mapping[int, Mapping[str, Any]]
) -> list[Stage]:
    """Return the stages, with the options that do not apply to them at their defaults.

    An option given as one value for all stages must apply to at least one of them, an option of a
    single stage to that one.

    Args:
        stages: all stages, with the values given.
        shared: options for all stages, one value or a list with one a stage.
        own: options of single stages by index.

    Raises:
        UserError: an option applies to none of the stages that it was given for.
    """
    for name, (where, belongs) in BELONGS.items():
        default = STAGE_DEFAULTS[name]
        lost = [
            index
            for index, stage in enumerate(stages)
            if getattr(stage, name) != default and not belongs(stage)
        ]
        for index in lost:
            alone = name in own.get(index, {}) or isinstance(shared[name], list | tuple)
            if alone or not any(belongs(stage) for stage in stages):
                owner = f"net.stages.{index + 1}.{name}" if alone else f"net.{name}"
                raise UserError(
                    f"{owner}={getattr(stages[index], name)} has a meaning for {where} only;"
                    f" leave it at {'null' if default is None else default}"
                    f" (in a sweep: `when: model.net.{where.split(' ')[0].replace('=', ' == ')}`)"
                )
        stages = [
            replace(stage, **{name: default}) if index in lost else stage
            for index, stage in enumerate(stages)
        ]
    return list(stages)


def check_kernels(stage: Stage, owner: str) -> None:
    """Raise `UserError` if a list of kernel sizes is empty, or given for a block other than `plain`
    and `basic`.
    """
    if not stage.kernel_sizes or (
        stage.block not in ("plain", "basic") and not isinstance(stage.kernel_size, int)
    ):
        raise UserError(
            f"{owner}.kernel_size must be a number, or for block=plain and basic a list with one"
            f" number a convolution, but is {list(stage.kernel_sizes)} for block={stage.block}"
        )
