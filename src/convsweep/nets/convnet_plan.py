"""The options of a `ConvNet`: stem, stages and head, without torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import lcm
from typing import Any, Literal

from convsweep.errors import UserError, did_you_mean
from convsweep.nets.convnet_stage import STAGE_DEFAULTS, Stage, check_belonging, check_kernels
from convsweep.nets.geometry import Padding
from convsweep.nets.options import (
    Activation,
    Init,
    Norm,
    check,
    group,
    is_list,
    parse,
    scale_width,
    value_at,
)


@dataclass(frozen=True)
class Stem:
    """A first convolution before the stages; `width` null leaves it out. `norm` and `activation`
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

    conv_width: channels of a 1x1 convolution before the pool (MobileNetV2), null = none; its
        normalisation is the last stage's.
    output: logits for every `sample`, or for every `position` after the stages (Long et al. 2015);
        then nothing is pooled and the layers are 1x1 convolutions.
    pool: adaptive pooling to `pool_size` positions an axis (1 = global); `none` keeps every
        position.
    norm: normalisation after the pool (ConvNeXt).
    hidden: widths of the fully connected layers before the last.
    activation: after `conv_width` and each hidden layer, null = as in the last stage.
    dropout: probability after each hidden layer, or before the last layer where there is none.
    """

    conv_width: int | None = None
    output: Literal["sample", "position"] = "sample"
    pool: Literal["none", "average", "max"] = "average"
    pool_size: int = 1
    norm: Norm = "none"
    hidden: Sequence[int] = field(default_factory=tuple)
    activation: Activation | None = None
    dropout: float = 0.0


NET_OPTIONS = ("num_stages", "width_growth", "num_params", "stages", "stem", "head", "init")


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
    return check_belonging(stages, shared, {index - 1: options for index, options in own.items()})


def rising_numbers(counts: Sequence[int]) -> list[list[float]]:
    """Return numbers that rise from 0 to 1, in groups of these counts."""
    total = sum(counts)
    numbers = iter(index / max(1, total - 1) for index in range(total))
    return [[next(numbers) for _ in range(count)] for count in counts]


@dataclass(frozen=True)
class ConvNetPlan:
    """The parsed options of a `ConvNet`, complete but for the input's shape.

    first, last: the stages from which stem and head take options that are null; without stages, the
        options for all stages.
    num_params: parameters that the network has at most and almost has, by a factor that the widths
        still have to be multiplied by; None: 1.
    one_a_stage: names of the options that were given as a list, one value a stage.
    """

    stem: Stem
    stages: list[Stage]
    head: Head
    first: Stage
    last: Stage
    init: Init
    num_params: int | None
    one_a_stage: tuple[str, ...]

    @property
    def depths(self) -> list[list[float]]:
        """Relative depth of the blocks of each stage: 0 for the network's first, 1 for its last."""
        return rising_numbers([stage.num_blocks for stage in self.stages])

    def scale(self, factor: float, multiple: int = 1) -> "ConvNetPlan":
        """Return the plan with all widths multiplied by `factor`, each a multiple of `multiple` and
        of the groups of the layers that it enters, and at least that.
        """
        following = [*(stage.groups_of_input for stage in self.stages[1:]), 1][: len(self.stages)]
        multiples = [
            lcm(multiple, stage.width_multiple, after)
            for stage, after in zip(self.stages, following, strict=True)
        ]
        stages = [
            stage.scale(factor, each) for stage, each in zip(self.stages, multiples, strict=True)
        ]
        stem_groups = self.first.norm_groups if self.stem.norm == "group" else 1
        first_groups = self.stages[0].groups_of_input if self.stages else 1
        head_groups = self.last.norm_groups if self.last.norm == "group" else 1
        return replace(
            self,
            stages=stages,
            stem=replace(
                self.stem,
                width=scale_width(
                    self.stem.width, factor, lcm(multiple, stem_groups, first_groups)
                ),
            ),
            head=replace(
                self.head,
                conv_width=scale_width(self.head.conv_width, factor, head_groups),
                hidden=tuple(scale_width(width, factor) for width in self.head.hidden),
            ),
        )


def plan_convnet(
    *,
    num_stages: int = 3,
    width_growth: float = 2.0,
    num_params: int | None = None,
    stages: Mapping[Any, Mapping[str, Any]] | None = None,
    stem: Mapping[str, Any] | None = None,
    head: Mapping[str, Any] | None = None,
    init: Init = "he",
    **each: Any,
) -> ConvNetPlan:
    """Return the parsed options of a `ConvNet`.

    Args:
        num_stages: stages between stem and head; 0 gives a multi-layer perceptron on the flattened
            input.
        width_growth: factor between the widths of neighbouring stages where `width` is one number.
        num_params: multiply all widths (stem, stages, head) by one factor, the largest with which
            the network has at most so many parameters; None: keep them.
        stages: options of single stages by number from 1, e.g. `{2: {"kernel_size": 5}}`.
        stem, head: options of `Stem` and `Head`.
        init: `he` draws convolutions as He et al. 2015, `torch` keeps torch's default
            initialisation.
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
    check("net", "num_params", num_params, int | None)
    shared = {**STAGE_DEFAULTS, **each}
    expanded = expand_stages(num_stages, width_growth, shared, stages)
    lenders = expanded or [parse(Stage, shared, "net")]
    own_stem, own_head = parse(Stem, stem, "net.stem"), parse(Head, head, "net.head")
    return ConvNetPlan(
        stem=replace(
            own_stem,
            norm=own_stem.norm or lenders[0].norm,
            activation=own_stem.activation or lenders[0].activation,
        ),
        stages=expanded,
        head=replace(own_head, activation=own_head.activation or lenders[-1].activation),
        first=lenders[0],
        last=lenders[-1],
        init=init,
        num_params=num_params,
        one_a_stage=(
            *(name for name, value in each.items() if is_list(value)),
            *(["stages"] if stages else []),
        ),
    )
