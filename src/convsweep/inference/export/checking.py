"""Comparison of an exported program with its network on real samples, in batches of several
sizes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convsweep.errors import UserError
from convsweep.inference.export.programs import Program, Run

# Batch sizes; the last one is repeated.
BATCH_SIZES = (1, 3, 16)


@dataclass(frozen=True)
class Check:
    """Deviation of a program from its network.

    Args:
        samples: number of samples compared.
        difference: largest absolute difference of outputs.
        agreement: share of samples or positions with the same most probable class; None without
            classes.
    """

    samples: int
    difference: float
    agreement: float | None


def check(
    eager: Run,
    program: Program,
    x: NDArray[np.float32],
    tolerance: float,
    *,
    has_classes: bool = True,
) -> Check:
    """Compare a program with the network.

    Args:
        tolerance: largest difference of an answer; where answers are larger than 1, in units of the
            largest.

    Raises:
        UserError: an output differs by more than the tolerance or is not finite, or a batch size
            fails. The file is removed.
    """
    differences, agreed = [], []
    largest = 1.0
    try:
        for batch in batches(x):
            expected, found = eager(batch), program.run(batch)
            if found.shape != expected.shape:
                raise UserError(
                    f"its answer has the shape {found.shape}, the network's {expected.shape}"
                )
            largest = max(largest, float(np.abs(expected).max()))
            difference = np.abs(found.astype(np.float64) - expected).max()
            differences.append(np.inf if np.isnan(difference) else difference)
            agreed.append((found.argmax(1) == expected.argmax(1)).reshape(-1))
        if max(differences) > tolerance * largest:
            raise UserError(
                f"an answer differs by {max(differences):.3g}, more than --tolerance {tolerance:g}"
                " allows"
            )
    except Exception as error:
        program.file.unlink(missing_ok=True)
        raise UserError(
            f"{program.name} must say what the network says, but does not:"
            f" {str(error).strip().splitlines()[0]}; {program.file.name} was removed"
        ) from error
    return Check(
        len(x),
        float(max(differences)),
        float(np.concatenate(agreed).mean()) if has_classes else None,
    )


def batches(x: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return the samples in batches of several sizes."""
    parts, first = [], 0
    sizes = list(BATCH_SIZES)
    while first < len(x):
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        parts.append(x[first : first + size])
        first += size
    return parts
