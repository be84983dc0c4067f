"""Rules about the batch size: by the number of samples and the free memory."""

from collections.abc import Callable

from convsweep.planning.decisions import Decisions

# Steps of an epoch that a batch leaves at least, and largest batch.
STEPS_AN_EPOCH, LARGEST_BATCH = 8, 64
# The same by the number of axes: of samples with one answer, as in experiment=cnn_volumes, and with
# one at each position (volumes: nnU-Net).
LARGEST_OF_SAMPLES = {1: LARGEST_BATCH, 2: LARGEST_BATCH, 3: 16}
LARGEST_OF_DENSE = {1: 16, 2: 8, 3: 2}
# Share of the free memory that one training may take.
MEMORY_SHARE = 0.5
BETTER = " (batches of 64 beat 128 on Fashion-MNIST, docs/results.md)"


def decide_batch(
    decisions: Decisions,
    num_train: int,
    dim: int,
    sample_bytes: int,
    is_dense: bool,
    unit: str = "samples",
) -> int:
    """Decide the batch size by the number of samples; `fit_memory` halves it.

    Args:
        decisions: so far.
        num_train: training samples, or crops of them, of an epoch.
        dim: spatial axes.
        sample_bytes: values of one.
        is_dense: whether there is an answer at every position.
        unit: what is counted.
    """
    largest = (LARGEST_OF_DENSE if is_dense else LARGEST_OF_SAMPLES)[dim]
    if sample_bytes > 2**18:  # 256x256 and more
        largest = min(largest, 4)
    batch = 2
    while batch < largest and num_train // (2 * batch) >= STEPS_AN_EPOCH:
        batch *= 2
    return int(
        decisions.decide(
            "data.batch_size",
            batch,
            f"the largest power of two up to {largest} that leaves {STEPS_AN_EPOCH} steps an epoch"
            f" of {num_train:,} {unit}{BETTER if largest == LARGEST_BATCH else ''}",
        )
    )


def fit_memory(decisions: Decisions, batch: int, memory: Callable[[int], int], slots: int) -> int:
    """Halve the batch until a step fits into its share of the free memory.

    Args:
        memory: function from a batch size to the bytes of a step.
        slots: trainings at a time on one device.
    """
    from convsweep.cost import in_bytes
    from convsweep.cost.free_memory import free_memory

    room = MEMORY_SHARE * free_memory() / slots
    fits = batch
    while fits > 1 and memory(fits) > room:
        fits //= 2
    if fits < batch:
        held = decisions.decide(
            "data.batch_size",
            fits,
            f"a step of {batch} takes {in_bytes(memory(batch))}, one of {fits}"
            f" {in_bytes(memory(fits))}, and a training may take {in_bytes(room)}",
        )
        return int(held)
    return batch
