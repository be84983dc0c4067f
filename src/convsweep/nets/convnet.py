"""ConvNet: one class for every classifier. LeNet, VGG, ResNet, DenseNet, MobileNet, EfficientNet,
RegNet, ConvNeXt and an MLP are settings of its options.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

from torch import Tensor, nn

from convsweep.nets.blocks import (
    ADAPTIVE_POOL,
    activation,
    conv,
    conv_norm_act,
    initialise,
    norm,
    pool,
)
from convsweep.nets.convnet_plan import ConvNetPlan, plan_convnet
from convsweep.nets.geometry import check_in_shape, name_part, output_size, shape_text
from convsweep.nets.num_params import with_num_params
from convsweep.nets.stage import build_stage
from convsweep.nets.stage_layers import Laid, Shape, StageLayers, in_order, shape_after

# Remedies for a part that does not fit its input.
FITTING = "padding=same, a smaller kernel_size or pool_size, another norm, channels that divide"


class ConvNet(nn.Module):
    """Stem, stages, head.

    Args:
        in_shape: (C, *spatial) of the input, 1 to 3 spatial axes.
        num_classes: logits to return.
        options: every option of `convnet_plan.plan_convnet`.

    Shape:
        (N, C, *spatial) to (N, num_classes), or (N, num_classes, *) with the positions after the
        last stage under `head.output: position`.

    Raises:
        UserError: an unknown option, or a value outside its range.
        InfeasibleError: the input is too small, or channels cannot be divided; the message names
            the stage.
    """

    def __init__(self, in_shape: Sequence[int], num_classes: int, **options: Any) -> None:
        super().__init__()
        plan = plan_convnet(**options)
        self.in_shape, self.num_classes = tuple(in_shape), num_classes
        check_in_shape(self.in_shape)
        self.build(with_num_params(plan, self, self.build))
        initialise(self, plan.init)

    def build(self, plan: ConvNetPlan) -> None:
        """Build stem, stages and head."""
        stem = build_stem(plan, self.in_shape)
        shape = shape_after(stem, self.in_shape)
        stages = build_stages(plan, shape, self.in_shape)
        shape = shape_after(stages[-1], shape) if stages else shape
        self.stem = in_order(stem)
        self.stages = nn.Sequential(*map(in_order, stages))
        with name_part("the head", f"change net.head (pool, {FITTING})"):
            self.head = build_head(plan, shape, self.num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch."""
        logits: Tensor = self.head(self.stages(self.stem(x)))
        return logits

    def depth_parts(self) -> list[tuple[str, nn.Module]]:
        """Return stem, stages and head, for fine-tuning."""
        stages = [(f"stage {number}", stage) for number, stage in enumerate(self.stages, start=1)]
        return [("stem", self.stem), *stages, ("head", self.head)]


def build_stem(plan: ConvNetPlan, in_shape: Shape) -> Laid:
    """Return the first convolution and pool, as far as the plan has them; errors name the part."""
    with name_part("the stem", f"change net.stem (pool=none, {FITTING})"):
        convolution = build_stem_conv(plan, in_shape)
        return [*convolution, *build_stem_pool(plan, shape_after(convolution, in_shape))]


def build_stem_conv(plan: ConvNetPlan, in_shape: Shape) -> Laid:
    """Return the first convolution, if there is one."""
    stem, (channels, *spatial) = plan.stem, in_shape
    if stem.width is None:
        return []
    what = f"a convolution with kernel_size={stem.kernel_size}, stride={stem.stride}"
    out_spatial = output_size(spatial, stem.kernel_size, stem.stride, stem.padding, what=what)
    unit = conv_norm_act(
        len(spatial),
        channels,
        stem.width,
        out_spatial,
        stem.kernel_size,
        norm_kind=stem.norm or "none",
        norm_groups=plan.first.norm_groups,
        norm_eps=plan.first.norm_eps,
        activation_kind=stem.activation or "none",
        stride=stem.stride,
        padding=stem.padding,
    )
    return [(unit, (stem.width, *out_spatial))]


def build_stem_pool(plan: ConvNetPlan, in_shape: Shape) -> Laid:
    """Return the first pool, if there is one."""
    stem, (channels, *spatial) = plan.stem, in_shape
    if stem.pool == "none":
        return []
    what = f"a pool with pool_size={stem.pool_size}, stride={stem.pool_stride}"
    out_spatial = output_size(
        spatial, stem.pool_size, stem.pool_stride, stem.pool_padding, what=what
    )
    module = pool(len(spatial), stem.pool, stem.pool_size, stem.pool_stride, stem.pool_padding)
    return [(module, (channels, *out_spatial))]


def build_stages(plan: ConvNetPlan, shape: Shape, in_shape: Shape) -> list[Laid]:
    """Return all stages for inputs of `shape`; errors name the stage and a remedy."""
    stages: list[Laid] = []
    for number, (stage, depths) in enumerate(zip(plan.stages, plan.depths, strict=True), start=1):
        remedy = (
            f"{fewer_stages(plan, number - 1, in_shape)}change net.stages.{number}"
            f" (downsample=none, {FITTING})"
        )
        with name_part(f"stage {number} of {len(plan.stages)}", remedy):
            laid = build_stage(stage, shape, depths)
            shape = shape_after(laid, shape)
            following = plan.stages[number].norm_at if number < len(plan.stages) else "after"
            if stage.norm_at == "before" and following == "after":
                laid += [(layer, shape) for layer in StageLayers(stage, shape).norm_act()]
        stages.append(laid)
    return stages


def fewer_stages(plan: ConvNetPlan, fitting: int, in_shape: Shape) -> str:
    """Return the advice to build only the first `fitting` stages, empty if none fits."""
    if fitting == 0:
        return ""
    cut = f" ({' and '.join(plan.one_a_stage)} cut to {fitting})" if plan.one_a_stage else ""
    return f"use num_stages={fitting}{cut}, which fits on the input {shape_text(in_shape)}, or "


def build_head(plan: ConvNetPlan, shape: Shape, num_classes: int) -> nn.Sequential:
    """Return a last convolution, pooling, normalisation, hidden layers and the last layer: linear
    layers, or 1x1 convolutions for an output at every position.
    """
    head, last, (channels, *spatial) = plan.head, plan.last, shape
    dim, layers = len(spatial), list[nn.Module]()
    activation_kind = head.activation or last.activation
    if head.conv_width is not None:
        layers.append(
            conv_norm_act(
                dim,
                channels,
                head.conv_width,
                spatial,
                1,
                norm_kind=last.norm,
                norm_groups=last.norm_groups,
                norm_eps=last.norm_eps,
                activation_kind=activation_kind,
            )
        )
        channels = head.conv_width
    per_position = head.output == "position"
    if head.pool != "none" and not per_position:
        layers.append(ADAPTIVE_POOL[head.pool][dim](head.pool_size))
        spatial = [head.pool_size] * dim
    normalise = norm(head.norm, dim, channels, last.norm_groups, spatial, last.norm_eps)
    layers += [] if normalise is None else [normalise]
    make: Callable[[int, int], nn.Module]
    if per_position:
        make, features = partial(conv, dim, kernel_size=1), channels
    else:
        layers.append(nn.Flatten())
        make, features = nn.Linear, channels * prod(spatial)
    for width in head.hidden:
        layers += [make(features, width), activation(activation_kind)]
        if head.dropout:
            layers.append(nn.Dropout(head.dropout))
        features = width
    if head.dropout and not head.hidden:
        layers.append(nn.Dropout(head.dropout))
    return nn.Sequential(*layers, make(features, num_classes))
