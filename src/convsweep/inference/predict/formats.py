"""What prediction asks of a kind of file: samples to read from it and results to write for it."""

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

# Every module of this package is a kind of file. None imports torch: a mistake in the file names is
# answered at once.
KINDS = "convsweep.inference.predict.files"

Fit = Literal["auto", "stretch", "crop", "pad", "tiles"]
Result = NDArray[Any]


@dataclass(frozen=True)
class Sample:
    """One sample of a file.

    Args:
        name: by which a person finds it again.
        x: (C, *spatial) in the units of the training data.
        origin: what `Format.write` needs to know of where it comes from.
        back: turns probabilities (K, *spatial) on the grid of x into a mask on the grid of the
            file; None: the grids are one.
        index: which of the file's samples it is.
        count: how many the file has.
    """

    name: str
    x: NDArray[Any]
    origin: Any = None
    back: Callable[[NDArray[np.float32]], NDArray[Any]] | None = None
    index: int = 0
    count: int = 1


@dataclass(frozen=True)
class Reading:
    """What the command line says of reading files.

    Args:
        fit: how files of another size than the network's are brought to it; `auto`: as the training
            data was.
        convert_color: turn images grey or RGB, as the network needs them, rather than refuse them.
        overlays: write pictures of masks on their images.
    """

    fit: Fit = "auto"
    convert_color: bool = False
    overlays: bool = True


class Format(ABC):
    """A kind of file.

    Args:
        trained: the network that the samples are for.
        reading: what the command line says.
    """

    # Of the file names, in lower case and with the dot.
    suffixes: ClassVar[tuple[str, ...]]

    def __init__(self, trained: "Trained", reading: Reading) -> None:
        self.info, self.reading = trained.info, reading
        self.data: Mapping[str, Any] = trained.data

    @abstractmethod
    def read(self, file: Path) -> Iterator[Sample]:
        """Yield the samples of a file.

        Raises:
            UnfitFileError: the file cannot be read, or is nothing for this network.
        """

    @abstractmethod
    def write(self, sample: Sample, result: Result, out: Path, name: str) -> Path:
        """Write the result of one sample and return the file that holds it.

        Args:
            sample: what `read` made.
            result: class indices (*spatial) of a segmentation, values (K, *spatial) otherwise, on
                the file's grid; of a recording, these values in pieces along the first axis.
            out: folder of all results; see `place`.
            name: of the file, without an extension and unlike that of any other file; may hold
                folders.
        """


def place(out: Path, kind: str, name: str) -> Path:
    """Return the path of a file called `name` in the folder `kind` of the results; its folder is
    made.
    """
    path = out / kind / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


class Formats:
    """The formats of one command, each made when its first file comes."""

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
    """Return the longest known suffix of a file in lower case, such as `.nii.gz`; the last one if
    none is known.
    """
    suffixes = [part.lower() for part in file.suffixes]
    endings = ["".join(suffixes[first:]) for first in range(len(suffixes))]
    return next(
        (ending for ending in endings if ending in known_formats()), endings[-1] if endings else ""
    )
