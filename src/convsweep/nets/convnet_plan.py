"""The space of `ConvNet`s: every option of a stage, of the stem and of the head, without torch."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from convsweep.errors import UserError, did_you_mean
from convsweep.nets.geometry import Padding
from convsweep.nets.options import (
    Activation,
    Block,
    Downsample,
    Init,
    Norm,
    Skip,
    check,
    group,
    is_list,
    parse,
    value_at,
)


@dataclass(frozen=True)
class Stage:
    """The numbers of one stage: some blocks at one resolution, and the step to the next.

    width: channels that leave the stage, whatever the skip. num_blocks: blocks in the stage. block:
    `plain` one convolution, `basic` two, `bottleneck` 1x1 -> kernel -> 1x1 (He et al. 2015, fig.
    5). bottleneck_ratio: a bottleneck's inner channels are `width // bottleneck_ratio`.
    kernel_size: of the convolutions that look around (not of the 1x1); a list in a stage gives the
    convolutions of a `plain` or
        `basic` block a size each, and so their number: `[8, 5, 3]` is a block of three.
    dilation, groups, padding: of the same convolutions.
    downsample: nothing, the `stride` of a convolution, or a `max`/`average` pool.
    downsample_at: before the first block (`start`) or after/in the last (`end`).
    stride: step of the downsampling, whichever does it.
    pool_size: window of the pool, null = stride; larger windows overlap.
    pool_padding: positions added around the input of the pool.
    skip: `add` the block's input to its output (ResNet) or `concat` it (DenseNet).
    dense_growth: channels each block adds under `concat`, null = width // num_blocks.
    norm, norm_groups: normalisation after each convolution; groups of `norm: group`.
    activation: after each normalisation.
    dropout: probability that a whole feature map is dropped after a block (Tompson et al. 2015).
    """

    width: int = 32
    num_blocks: int = 1
    block: Block = "plain"
    bottleneck_ratio: int = 4
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
    norm: Norm = "batch"
    norm_groups: int = 8
    activation: Activation = "relu"
    dropout: float = 0.0

    @property
    def kernel_sizes(self) -> tuple[int, ...]:
        """Kernel sizes of a block's convolutions that look around, in order."""
        if not isinstance(self.kernel_size, int):
            return tuple(self.kernel_size)
        return (self.kernel_size,) * (2 if self.block == "basic" else 1)

    @property
    def pool_window(self) -> int:
        """Positions a pool looks at along an axis."""
        return self.pool_size or self.stride


@dataclass(frozen=True)
class Stem:
    """A first convolution before the stages; width null leaves it out. `norm` and `activation`
    null: as in stage 1.
    """

    width: int | None = None
    kernel_size: int = 3
    stride: int = 1
    padding: Padding = "same"
    norm: Norm | None = None
    activation: Activation | None = None
    pool: Literal["none", "max", "average"] = "none"
    pool_size: int = 3
    pool_stride: int = 2
    pool_padding: int = 0


@dataclass(frozen=True)
class Head:
    """From features to logits.

    output: logits for every `sample`, or for every `position` that the stages leave (Long et al.
    2015); then nothing is pooled
        and the layers are convolutions of width 1.
    pool: adaptive pooling to `pool_size` positions an axis (1 = global); `none` keeps every
    position. hidden: widths of the fully connected layers before the last. activation: after each
    hidden layer, null = as in the last stage. dropout: probability after each hidden layer, or
    before the last layer where there is none.
    """

    output: Literal["sample", "position"] = "sample"
    pool: Literal["none", "average", "max"] = "average"
    pool_size: int = 1
    hidden: Sequence[int] = field(default_factory=tuple)
    activation: Activation | None = None
    dropout: float = 0.0


STAGE_DEFAULTS: Mapping[str, Any] = asdict(Stage())
NET_OPTIONS = ("num_stages", "width_growth", "stages", "stem", "head", "init")


def expand_stages(
    num_stages: int,
    width_growth: float,
    shared: Mapping[str, Any],
    single: Mapping[Any, Mapping[str, Any]] | None,
) -> list[Stage]:
    """Return the stages, one by one.

    Args:
        num_stages: how many.
        width_growth: factor from one stage's width to the next where `width` is one number.
        shared: every option of `Stage`, a value for all stages or a list of `num_stages` values.
        single: options of one stage alone, by its number from 1; they win over `shared`.

    Raises:
        UserError: a list of another length, an unknown option, a value outside its range.
    """
    check("net", "num_stages", num_stages, int)
    check("net", "width_growth", width_growth, float)
    parse(Stage, {name: value for name, value in shared.items() if not is_list(value)}, "net")
    names = {str(number): number for number in range(1, num_stages + 1)}
    own: dict[int, Mapping[str, Any]] = {}
    for name, options in group("net.stages", single).items():
        if str(name) not in names:
            raise UserError(
                f"net.stages.{name} must name a stage by its number, 1 to num_stages={num_stages}"
            )
        own[names[str(name)]] = group(f"net.stages.{name}", options)
    stages = []
    for index in range(num_stages):
        values = {
            name: value_at(name, value, index, num_stages, "num_stages")
            for name, value in shared.items()
        }
        if not is_list(shared["width"]):
            values["width"] = max(1, round(shared["width"] * width_growth**index))
        stages.append(parse(Stage, {**values, **own.get(index + 1, {})}, f"net.stages.{index + 1}"))
        check_kernels(stages[-1], f"net.stages.{index + 1}")
    return stages


def check_kernels(stage: Stage, owner: str) -> None:
    """Raise `UserError` where a list of kernel sizes is empty, or in a bottleneck, which looks
    around once.
    """
    if not stage.kernel_sizes or (
        stage.block == "bottleneck" and not isinstance(stage.kernel_size, int)
    ):
        raise UserError(
            f"{owner}.kernel_size must be a number, or for block=plain and basic a list with one"
            f" number a convolution, but is {list(stage.kernel_sizes)} for block={stage.block}"
        )


@dataclass(frozen=True)
class Plan:
    """A `ConvNet` before it meets an input: all options parsed, nothing left to be inherited.

    one_a_stage: names of the options that were given stage by stage.
    """

    stem: Stem
    stages: list[Stage]
    head: Head
    norm_groups: int
    init: Init
    one_a_stage: tuple[str, ...]


def plan_convnet(
    *,
    num_stages: int = 3,
    width_growth: float = 2.0,
    stages: Mapping[Any, Mapping[str, Any]] | None = None,
    stem: Mapping[str, Any] | None = None,
    head: Mapping[str, Any] | None = None,
    init: Init = "he",
    **each: Any,
) -> Plan:
    """Return the parsed options of a `ConvNet`.

    Args:
        num_stages: stages between stem and head; 0 leaves a multi-layer perceptron on the
            vectorised input.
        width_growth: factor between the widths of neighbouring stages where `width` is one number.
        stages: options of single stages by number from 1, e.g. `{2: {"kernel_size": 5}}`.
        stem, head: options of `Stem` and `Head`.
        init: `he` draws convolutions as He et al. 2015, `torch` leaves torch's own draw.
        each: every option of `Stage`, one value for all stages or a list with one a stage.

    Raises:
        UserError: an unknown option, or a value outside its range.
    """
    for name in each:
        if name not in STAGE_DEFAULTS:
            raise UserError(
                f"net has no option {name!r}; {did_you_mean(name, [*STAGE_DEFAULTS, *NET_OPTIONS])}"
            )
    check("net", "init", init, Init)
    shared = {**STAGE_DEFAULTS, **each}
    expanded = expand_stages(num_stages, width_growth, shared, stages)
    lenders = expanded or [parse(Stage, shared, "net")]
    own_stem, own_head = parse(Stem, stem, "net.stem"), parse(Head, head, "net.head")
    return Plan(
        stem=replace(
            own_stem,
            norm=own_stem.norm or lenders[0].norm,
            activation=own_stem.activation or lenders[0].activation,
        ),
        stages=expanded,
        head=replace(own_head, activation=own_head.activation or lenders[-1].activation),
        norm_groups=lenders[0].norm_groups,
        init=init,
        one_a_stage=(
            *(name for name, value in each.items() if is_list(value)),
            *(["stages"] if stages else []),
        ),
    )
