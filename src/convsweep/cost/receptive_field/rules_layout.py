"""Rules for operations that move, merge, reduce or multiply dimensions, and for those that keep
every position.
"""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from convsweep.cost.receptive_field.field import Field, blind, concatenate, merge_windows, pointwise
from convsweep.cost.receptive_field.layout import Layout, axes, bare, plain, view_layout
from convsweep.cost.receptive_field.rules import Call, rule


@rule(
    "native_batch_norm",
    "_native_batch_norm_legit",
    "_native_batch_norm_legit_no_training",
    "_batch_norm_with_update",
    "native_layer_norm",
    "native_group_norm",
    "_fused_rms_norm",
    "hardswish",
    "hardswish_",
    "hardsigmoid",
    "hardsigmoid_",
    "hardtanh",
    "hardtanh_",
    "leaky_relu",
    "leaky_relu_",
    "rrelu_with_noise",
    "log_sigmoid_forward",
    "native_dropout",
    "clone",
    "_to_copy",
    "alias",
    "detach",
    "lift_fresh",
    "expand",
)
def same_position(call: Call) -> Field:
    """Copies, activations that torch does not tag as pointwise, normalisations.

    Normalisations other than batch norm mix all positions of a map; by convention that does not
    widen the window.
    """
    return pointwise([call.source], call.out.shape)


@rule("copy_", "_prelu_kernel", "where", joins=True)
def same_position_of_several(call: Call) -> Field:
    """Operations that join several tensors position by position but that torch does not tag as
    pointwise.
    """
    return pointwise(call.fields, call.out.shape)


@rule("view", "_unsafe_view", "_reshape_alias")
def view(call: Call) -> Field:
    """A view keeps the axes of the dimensions unless it splits an axis."""
    layout = view_layout(call.source.layout, call.out.shape)
    return (
        blind(call.fields, call.out.shape)
        if layout is None
        else replace(call.source, layout=layout)
    )


@rule("unsqueeze")
def unsqueeze(call: Call) -> Field:
    """A new dimension runs along no axis."""
    return insert_dim(call.source, call.args[1] % call.out.dim())


def insert_dim(field: Field, dim: int) -> Field:
    """Return the field with a new dimension of one position."""
    return replace(field, layout=(*field.layout[:dim], plain(1), *field.layout[dim:]))


@rule("squeeze")
def squeeze(call: Call) -> Field:
    """A dimension of one position is removed."""
    before = call.args[0].shape
    dims = call.option(1, range(len(before)))
    gone = {dim % len(before) for dim in ([dims] if isinstance(dims, int) else dims)}
    kept = [
        atoms for dim, atoms in enumerate(call.source.layout) if dim not in gone or before[dim] != 1
    ]
    return replace(call.source, layout=tuple(kept))


@rule("permute")
def permute(call: Call) -> Field:
    """Dimensions are reordered."""
    return replace(call.source, layout=tuple(call.source.layout[dim] for dim in call.args[1]))


@rule("transpose", "t")
def transpose(call: Call) -> Field:
    """Two dimensions are swapped."""
    layout, (first, second) = list(call.source.layout), call.args[1:] or (0, -1)
    layout[first], layout[second] = layout[second], layout[first]
    return replace(call.source, layout=tuple(layout))


@rule("cat", joins=True)
def cat(call: Call) -> Field:
    """Channels are concatenated."""
    return concatenate(call.fields, call.out.shape, call.option(1, 0))


@rule("stack", joins=True)
def stack(call: Call) -> Field:
    """The operands are stacked along a new dimension."""
    dim = call.option(1, 0) % call.out.dim()
    return concatenate([insert_dim(field, dim) for field in call.fields], call.out.shape, dim)


@rule("split", "split_with_sizes")
def split(call: Call) -> Field:
    """A part of the channels; a part of the positions may depend on any position."""
    return fewer(call, call.option(2, 0))


@rule("glu")
def gated_half(call: Call) -> Field:
    """One half of the channels gates the other."""
    return fewer(call, call.option(1, -1))


def fewer(call: Call, dim: int) -> Field:
    """Return the field after a change of size of a dimension without positions."""
    layout, dim = call.source.layout, dim % call.out.dim()
    if axes([layout[dim]]):
        return blind(call.fields, call.out.shape)
    return replace(
        call.source, layout=(*layout[:dim], plain(call.out.shape[dim]), *layout[dim + 1 :])
    )


@rule("unbind", "select")
def select(call: Call) -> Field:
    """One channel; one position may depend on any position."""
    layout = call.source.layout
    dim = call.option(1, 0) % len(layout)
    if axes([layout[dim]]):
        return blind(call.fields, call.out.shape)
    return replace(call.source, layout=(*layout[:dim], *layout[dim + 1 :]))


@rule("mean", "sum", "amax", "amin", "max", "min", "var", "std", "var_mean", "logsumexp")
def reduction(call: Call) -> Field:
    """A mean over positions sees everything along their axes."""
    given = call.option(1)
    everywhere = range(call.args[0].dim())
    dims = (
        given if isinstance(given, list | tuple) else [given] if type(given) is int else everywhere
    )
    return reduce_dims(call.source, dims, call.out)


@rule("linalg_vector_norm")
def vector_norm(call: Call) -> Field:
    """A norm over positions sees everything along their axes."""
    return reduce_dims(call.source, call.option(2, range(call.args[0].dim())), call.out)


def reduce_dims(field: Field, dims: Sequence[int], out: Tensor) -> Field:
    """Return the field after a reduction over `dims`, which the result may keep with one
    position.
    """
    count = len(field.layout)
    gone = {dim % count for dim in dims}
    keeps = out.dim() == count
    layout = tuple(
        plain(1) if dim in gone else atoms
        for dim, atoms in enumerate(field.layout)
        if keeps or dim not in gone
    )
    return field.mix_axes(axes([field.layout[dim] for dim in gone]), layout, weighted=False)


@rule("_softmax", "_log_softmax", "_safe_softmax")
def softmax(call: Call) -> Field:
    """A softmax over positions makes each of them depend on all."""
    layout, dim = call.source.layout, call.args[1] % call.out.dim()
    return call.source.mix_axes(
        axes([layout[dim]]), (*layout[:dim], plain(call.out.shape[dim]), *layout[dim + 1 :])
    )


@rule("mm", "bmm", joins=True)
def matmul(call: Call) -> Field:
    """A product of matrices."""
    return product(call, call.args[0], call.args[1])


@rule("addmm", "baddbmm", joins=True)
def matmul_and_sum(call: Call) -> Field:
    """A product of matrices, added to another tensor."""
    return product(call, call.args[1], call.args[2])


def product(call: Call, first: Tensor, second: Tensor) -> Field:
    """Return the field after a product, which sums over the columns of `first` and the rows of
    `second`.
    """
    factors = [call.field_of(first), call.field_of(second)]
    fields = [field for field in factors if field is not None]
    if not fields:
        return blind(call.fields, call.out.shape)
    left, right = (
        bare(factor.shape) if field is None else field.layout
        for factor, field in zip((first, second), factors, strict=True)
    )
    batch: Layout = tuple(
        one if axes([one]) else two for one, two in zip(left[:-2], right[:-2], strict=True)
    )
    layout = (*batch, left[-2], right[-1])
    summed = axes([left[-1], right[-2]])
    brought = [
        kept
        for field, kept in zip(
            factors, (axes(left[:-1]), axes([*right[:-2], right[-1]])), strict=True
        )
        if field is not None
    ]
    together = Field(
        merge_windows(fields, brought, layout),
        layout,
        any(field.everything for field in fields),
        any(field.weighted for field in fields),
    )
    return together.mix_axes(summed, layout)
