"""Published sets are read where they lie, never written into, and missing files are named."""

import gzip
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convsweep.data.datamodule import DataModule
from convsweep.data.sources.cifar import CIFAR10, CIFAR100
from convsweep.data.sources.mnist import MNIST, FashionMNIST
from convsweep.data.sources.mnist1d import MNIST1D
from convsweep.data.sources.oxford_pet import OxfordPet
from convsweep.errors import UserError


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(
        size.to_bytes(4, "big") for size in array.shape
    )
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def mnist_root(tmp_path: Path) -> Path:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix, count in (("train", 100), ("t10k", 20)):
        x = np.random.default_rng(count).integers(0, 256, (count, 28, 28))
        (raw / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(x)))
        (raw / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(idx(np.arange(count) % 10))
        )
    return tmp_path


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every download fails, and is noted."""
    asked: list[str] = []

    def refuse(url: str, *_: Any, **__: Any) -> None:
        asked.append(url)
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.datasets.utils.download_url", refuse)
    return asked


def listing(root: Path) -> list[tuple[str, float]]:
    return sorted((str(path), path.stat().st_mtime_ns) for path in root.rglob("*"))


def test_packed_files_are_read_in_place(mnist_root: Path, no_network: list[str]) -> None:
    before = listing(mnist_root)
    data = MNIST(str(mnist_root), batch_size=4)
    data.setup()
    assert (data.train.x.shape, len(data.val), data.train.x.dtype) == (
        (90, 1, 28, 28),
        10,
        np.uint8,
    )
    assert data.test is not None
    assert data.test.y.tolist() == (np.arange(20) % 10).tolist()
    assert listing(mnist_root) == before
    assert no_network == []


def test_unpacked_files_are_as_good(mnist_root: Path) -> None:
    packed = MNIST(str(mnist_root), batch_size=4).train.x
    for file in list((mnist_root / "MNIST" / "raw").iterdir()):
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
        file.unlink()
    assert np.array_equal(MNIST(str(mnist_root), batch_size=4).train.x, packed)


def test_a_cut_off_file_is_named(mnist_root: Path) -> None:
    file = mnist_root / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(
        UserError,
        match=r"train-images-idx3-ubyte.gz must be a whole IDX file, but is not: .*; delete it",
    ):
        MNIST(str(mnist_root), batch_size=4).setup()


def test_only_the_missing_file_is_asked_for_and_the_others_stay(
    mnist_root: Path, no_network: list[str]
) -> None:
    (mnist_root / "MNIST" / "raw" / "t10k-labels-idx1-ubyte.gz").unlink()
    before = {entry for entry in listing(mnist_root) if entry[0].endswith(".gz")}
    with pytest.raises(
        UserError,
        match=(
            r"must lie in .*MNIST/raw, .*\(no route to host\); put there t10k-labels-idx1-ubyte.gz"
        ),
    ):
        MNIST(str(mnist_root), batch_size=4).setup()
    assert len(no_network) == 2
    assert before <= set(listing(mnist_root))


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("source", "message"),
    [
        (FashionMNIST, r"FashionMNIST/raw, .* put there train-images-idx3-ubyte.gz \(from http"),
        (CIFAR10, r"put there cifar-10-python.tar.gz \(from https"),
        (CIFAR100, r"put there cifar-100-python.tar.gz \(from https"),
        (OxfordPet, r"oxford-iiit-pet, .* put there images.tar.gz \(from https"),
        (MNIST1D, r"put there the file from https"),
    ],
)
def test_a_failed_download_says_which_file_to_put_where(
    tmp_path: Path, source: Any, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        source(str(tmp_path / "data"), batch_size=4).setup()


def test_a_download_is_kept_whole(
    tmp_path: Path, mnist_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy(url: str, root: str, filename: str, md5: str) -> None:
        (Path(root) / filename).write_bytes((mnist_root / "MNIST" / "raw" / filename).read_bytes())

    monkeypatch.setattr("torchvision.datasets.utils.download_url", copy)
    (tmp_path / "new" / "MNIST" / "raw" / ".download-killed").mkdir(parents=True)
    data = MNIST(str(tmp_path / "new"), batch_size=4)
    data.setup()
    assert len(list((tmp_path / "new" / "MNIST" / "raw").glob("*.gz"))) == 4
    assert not list((tmp_path / "new").rglob(".download-*"))
    assert len(data.train) == 90


def cifar_archive(file: Path, folder: str, files: list[str], key: str, classes: int) -> None:
    with tarfile.open(file, "w:gz") as archive:
        for number, name in enumerate(files):
            x = np.random.default_rng(number).integers(0, 256, (100, 3072), np.uint8)
            content = pickle.dumps(
                {"data": x, key: [i % classes for i in range(100)], "filenames": ["a"] * 100},
                protocol=2,
            )
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("unpacked", [False, True])
def test_cifar_is_read_from_the_archive_or_the_folder(tmp_path: Path, unpacked: bool) -> None:
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    cifar_archive(tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py", names, "labels", 10)
    if unpacked:
        with tarfile.open(tmp_path / "cifar-10-python.tar.gz") as archive:
            archive.extractall(tmp_path, filter="data")
        (tmp_path / "cifar-10-python.tar.gz").unlink()
    data = CIFAR10(str(tmp_path), batch_size=4)
    data.setup()
    assert data.test is not None
    assert (len(data.train), len(data.val), len(data.test)) == (450, 50, 100)
    expected = (
        np.random.default_rng(5).integers(0, 256, (100, 3072), np.uint8).reshape(-1, 3, 32, 32)
    )
    assert np.array_equal(data.test.x, expected)


def test_cifar100_takes_the_fine_labels(tmp_path: Path) -> None:
    cifar_archive(
        tmp_path / "cifar-100-python.tar.gz",
        "cifar-100-python",
        ["train", "test"],
        "fine_labels",
        100,
    )
    data = CIFAR100(str(tmp_path), batch_size=4)
    _, _, test = data.read()
    assert len(set(data.info.class_names)) == data.info.num_classes == 100
    assert test is not None
    assert np.asarray(test.y).tolist() == list(range(100))


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "mnist1d_data.pkl").write_bytes(pickle.dumps({"x": Evil()}))
    with pytest.raises(UserError, match="which is no array"):
        MNIST1D(str(tmp_path), batch_size=4).setup()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("ending", ["pkl", "npz"])
def test_mnist1d_is_signals_of_one_channel(tmp_path: Path, ending: str) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "x": rng.normal(size=(50, 40)),
        "y": np.arange(50) % 10,
        "x_test": rng.normal(size=(10, 40)),
        "y_test": np.arange(10),
    }
    if ending == "pkl":
        (tmp_path / "mnist1d").mkdir()
        (tmp_path / "mnist1d" / "mnist1d_data.pkl").write_bytes(
            pickle.dumps({**arrays, "t": np.zeros(40)})
        )
    else:
        np.savez(tmp_path / "mnist1d.npz", **arrays)
    data: DataModule = MNIST1D(str(tmp_path), batch_size=4)
    assert data.test is not None
    assert (data.info.in_shape, data.test.x.shape, data.train.x.dtype) == (
        (1, 40),
        (10, 1, 40),
        np.float32,
    )


@pytest.mark.parametrize(("border", "values"), [("class", {0, 1, 2}), ("ignore", {0, 1, 255})])
def test_oxford_pet_trimaps_become_classes(tmp_path: Path, border: Any, values: set[int]) -> None:
    folder = tmp_path / "oxford-iiit-pet"
    for part in ("images", "annotations/trimaps"):
        (folder / part).mkdir(parents=True)
    for split, count in (("trainval", 10), ("test", 4)):
        stems = [f"{split}_{i}" for i in range(count)]
        (folder / "annotations" / f"{split}.txt").write_text(
            "".join(f"{stem} 1 1 1\n" for stem in stems)
        )
        for i, stem in enumerate(stems):
            rng = np.random.default_rng(i)
            Image.fromarray(rng.integers(0, 256, (20 + i, 30, 3), np.uint8)).save(
                folder / "images" / f"{stem}.jpg"
            )
            Image.fromarray(rng.integers(1, 4, (20 + i, 30), np.uint8)).save(
                folder / "annotations" / "trimaps" / f"{stem}.png"
            )
    data = OxfordPet(str(tmp_path), image_size=16, border=border, batch_size=2)
    assert data.test is not None
    assert (len(data.train), len(data.val), len(data.test)) == (9, 1, 4)
    assert data.train.x.shape[1:] == data.info.in_shape == (3, 16, 16)
    assert set(np.unique(data.train.y)) == values
    assert data.info.num_classes == (3 if border == "class" else 2)
