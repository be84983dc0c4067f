"""The interface of a kind of file: reading of samples and writing of results."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from convsweep.training.trained import Trained

# Every module of this package is a kind of file. None imports torch, so that wrong file names are
# reported at once.
KINDS = "convsweep.inference.predict.files"

Fit = Literal["auto", "stretch", "crop", "pad", "tiles"]
Result = NDArray[Any]


@dataclass(frozen=True)
class Sample:
    """One sample of a file.

    Args:
        name: identifies the sample for the user.
        x: (C, *spatial) in the units of the training data.
        origin: data of the file that `Format.write` needs.
        back: converts probabilities (K, *spatial) on the grid of x to a mask on the grid of the
            file; None if the grids are equal.
        index: of the sample in the file.
        count: samples in the file.
    """

    name: str
    x: NDArray[Any]
    origin: Any = None
    back: Callable[[NDArray[np.float32]], NDArray[Any]] | None = None
    index: int = 0
    count: int = 1


@dataclass(frozen=True)
class Reading:
    """Options of the command line for reading files.

    Args:
        fit: treatment of files of another size than the network's; `auto`: as in the training data.
        convert_color: convert images to grey or RGB for the network instead of refusing them.
        overlays: write pictures of masks over their images.
    """

    fit: Fit = "auto"
    convert_color: bool = False
    overlays: bool = True


class Format(ABC):
    """A kind of file.

    Args:
        trained: the network that the samples are for.
        reading: options of the command line.
    """

    # Suffixes of file names, in lower case with the dot.
    suffixes: ClassVar[tuple[str, ...]]

    def __init__(self, trained: "Trained", reading: Reading) -> None:
        self.info, self.reading = trained.info, reading
        self.data: Mapping[str, Any] = trained.data

    @abstractmethod
    def read(self, file: Path) -> Iterator[Sample]:
        """Yield the samples of a file.

        Raises:
            UnfitFileError: the file cannot be read, or does not suit this network.
        """

    @abstractmethod
    def write(self, sample: Sample, result: Result, out: Path, name: str) -> Path:
        """Write the result of one sample and return its file.

        Args:
            sample: from `read`.
            result: on the file's grid: class indices (*spatial) for segmentation, else values (K,
                *spatial), for recordings in pieces along the first axis.
            out: folder of all results; see `place`.
            name: unique name of the file without extension; may include folders.
        """


def place(out: Path, kind: str, name: str) -> Path:
    """Return the path of a file `name` in the folder `kind` of the results, creating its folder."""
    path = out / kind / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


class Formats:
    """The formats of one command, each constructed at its first file."""

    def __init__(self, trained: "Trained", reading: Reading) -> None:
        self.trained, self.reading = trained, reading
        self.made: dict[type[Format], Format] = {}

    def of(self, file: Path) -> Format:
        """Return the format of a file."""
        kind = known_formats()[suffix_of(file)]
        if kind not in self.made:
            self.made[kind] = kind(self.trained, self.reading)
        return self.made[kind]


@cache
def known_formats() -> dict[str, type[Format]]:
    """Return the format of each suffix."""
    modules = [
        import_module(f"{KINDS}.{each.name}")
        for each in iter_modules(import_module(KINDS).__path__)
    ]
    kinds = [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, Format)
        and kind.__module__ == module.__name__
    ]
    return {suffix: kind for kind in kinds for suffix in kind.suffixes}


def suffix_of(file: Path) -> str:
    """Return the longest known suffix of a file in lower case, such as `.nii.gz`, else its last
    suffix.
    """
    suffixes = [part.lower() for part in file.suffixes]
    endings = ["".join(suffixes[first:]) for first in range(len(suffixes))]
    return next(
        (ending for ending in endings if ending in known_formats()), endings[-1] if endings else ""
    )
