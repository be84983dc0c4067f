"""Reading of files ahead of the network; files that cannot be used are collected."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from convsweep.data.files.decoding import num_readers
from convsweep.data.files.images import UnfitFileError
from convsweep.inference.predict.formats import Formats, Sample, known_formats, suffix_of


@dataclass
class Reader:
    """Yields the samples of many files in order.

    Args:
        formats: of the files.
        names: files, and names of their results.
        advance: called for every finished file.
    """

    formats: Formats
    names: Mapping[Path, str]
    advance: Callable[[int], None]
    # The files that could not be used, and why.
    unfit: list[tuple[str, UnfitFileError]] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[Path, Sample]]:
        waiting: deque[tuple[Path, Future[list[Sample]]]] = deque()
        num_threads = num_readers()
        with ThreadPoolExecutor(num_threads) as pool:
            for file in self.names:
                waiting.append((file, pool.submit(self.read, file)))
                if len(waiting) > 2 * num_threads:
                    yield from self.take(*waiting.popleft())
            while waiting:
                yield from self.take(*waiting.popleft())

    def read(self, file: Path) -> list[Sample]:
        if suffix_of(file) not in known_formats():
            raise UnfitFileError(
                "Files must be of a known kind",
                suffix_of(file) or "no extension",
                " ".join(sorted(known_formats())),
            )
        return list(self.formats.of(file).read(file))

    def take(self, file: Path, read: Future[list[Sample]]) -> Iterator[tuple[Path, Sample]]:
        try:
            yield from ((file, sample) for sample in read.result())
        except UnfitFileError as error:
            self.unfit.append((str(file), error))
        self.advance(1)
