"""CPU time of augmenting one batch on one core: at once, and sample by sample by torchvision.

python benchmarks/augment.py
"""

import time
from collections.abc import Callable, Sequence
from statistics import median

import torch
from torchvision.transforms import v2

from convsweep.data.augment.erasing import RandomErasing
from convsweep.data.augment.mixing import Mixing
from convsweep.data.augment.transforms import Augmentation
from convsweep.data.samples import DataInfo

ROUNDS, COUNT = 9, 256
INFO = DataInfo((3, 32, 32), 10, tuple(map(str, range(10))))
TRANSFORMS = {
    "`crop_flip`": [v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip()],
    "`trivial_augment`": [v2.TrivialAugmentWide()],
    "`rand_augment`": [v2.RandAugment()],
    "`erasing`": [RandomErasing()],
}


def main() -> None:
    """Print a table."""
    torch.set_num_threads(1)
    x = torch.randint(0, 256, (COUNT, *INFO.in_shape), dtype=torch.uint8)
    y = torch.randint(0, INFO.num_classes, (COUNT,))
    print("| | batch | sample by sample | ratio |\n|---|---|---|---|")
    for name, steps in TRANSFORMS.items():
        by_sample = [v2.RandomErasing()] if name == "`erasing`" else steps
        ways = [Augmentation(steps, INFO, "batch"), Augmentation(by_sample, INFO, "sample")]
        pairs = [[milliseconds(lambda: way(x, y, (1,))) for way in ways] for _ in range(ROUNDS)]  # noqa: B023
        ours, theirs = zip(*pairs, strict=True)
        ratio = median(own / other for own, other in pairs)
        print(f"| {name} | {spread(ours)} ms | {spread(theirs)} ms | {ratio:.2f} |")
    for key in ("mixup_alpha", "cutmix_alpha"):
        mixing = Mixing(INFO.kind, INFO.num_classes, **{key: 1.0})
        times = [milliseconds(lambda: mixing(x, y, (1,))) for _ in range(ROUNDS)]  # noqa: B023
        print(f"| `{key}` | {spread(times)} ms | | |")


def milliseconds(call: Callable[[], object]) -> float:
    """Return the CPU time of a call."""
    start = time.process_time()
    call()
    return 1e3 * (time.process_time() - start)


def spread(times: Sequence[float]) -> str:
    """Return median and range."""
    values = sorted(times)
    return f"{median(values):.1f} ({values[0]:.1f} to {values[-1]:.1f})"


if __name__ == "__main__":
    main()
