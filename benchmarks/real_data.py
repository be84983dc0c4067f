"""Write real data sets as files: folders of images by class, of images with masks, of recordings.

    python benchmarks/real_data.py SOURCE TARGET [--only fashion_mnist cifar10 ...] [--per-class N]

SOURCE holds FashionMNIST/raw/*.gz, cifar10/{index.npz, train_NNN.webp, test_NNN.webp}, dsb2018_96/{images_0..3.webp, masks.npz},
isbi2012/{image,label}/N.png and fsdd/recordings/DIGIT_SPEAKER_INDEX.flac. TARGET gets

    fashion_mnist/{train,test}/CLASS/NUMBER.png     data=image_folder data.root=TARGET/fashion_mnist
    cifar10/{train,test}/CLASS/NUMBER.png           data=image_folder data.root=TARGET/cifar10
    dsb2018/{images,masks}/NUMBER.png               data=mask_folder data.root=TARGET/dsb2018 data.coding=binary
    isbi2012/{images,masks}/NUMBER.png              the same with data.root=TARGET/isbi2012 "data.holdout='2[4-9]'"
    fsdd/SPEAKER/DIGIT_INDEX.flac                   data=audio_folder data.root=TARGET/fsdd data.group=folder

70,000 + 60,000 + 1,328 + 60 + 3,000 files, some minutes on one core; existing data sets are left as
they are.
"""  # noqa: E501

import argparse
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from convsweep.data.sources.cifar import CIFAR10
from convsweep.data.sources.mnist import FashionMNIST, read_idx


def fashion_mnist(source: Path, target: Path, per_class: int | None) -> int:
    """A folder for each part, with a folder for each class; class names without a slash."""
    written = 0
    for part, prefix in (("train", "train"), ("test", "t10k")):
        x = read_idx(source / "FashionMNIST" / "raw" / f"{prefix}-images-idx3-ubyte.gz")
        y = read_idx(source / "FashionMNIST" / "raw" / f"{prefix}-labels-idx1-ubyte.gz")
        for label, name in enumerate(FashionMNIST.class_names):
            folder = target / part / name.replace("/", " or ")
            folder.mkdir(parents=True)
            for number in np.flatnonzero(y == label)[:per_class]:
                Image.fromarray(x[number]).save(folder / f"{number:05d}.png")
                written += 1
    return written


def cifar10(source: Path, target: Path, per_class: int | None) -> int:
    """A folder for each part and class. SOURCE has sheets of 500 images in a column; index.npz says
    which image of the published order each one is.
    """
    folder, written = source / "cifar10", 0
    index = np.load(folder / "index.npz")
    for part in ("train", "test"):
        places, labels = index[f"{part}_pos"].astype(int), index[f"{part}_label"]
        sheets = [
            np.asarray(Image.open(file).convert("RGB")).reshape(-1, 32, 32, 3)
            for file in sorted(folder.glob(f"{part}_*.webp"))
        ]
        x = np.concatenate(sheets)
        assert len(x) == len(places) == len(labels), (len(x), len(places), len(labels))
        for label, name in enumerate(CIFAR10.class_names):
            (target / part / name).mkdir(parents=True)
            own = np.flatnonzero(labels == label)
            for number in own[np.argsort(places[own])][:per_class]:
                Image.fromarray(x[number]).save(target / part / name / f"{places[number]:05d}.png")
                written += 1
    return written


def dsb2018(source: Path, target: Path, _: int | None) -> int:
    """664 images of nuclei, 96x96 RGB, with masks of 0 and 255."""
    folder = source / "dsb2018_96"
    columns = [np.asarray(Image.open(folder / f"images_{i}.webp").convert("RGB")) for i in range(4)]
    images = np.concatenate([column.reshape(-1, 96, 96, 3) for column in columns])
    masks = np.unpackbits(np.load(folder / "masks.npz")["masks"], axis=-1)
    assert len(images) == len(masks), (images.shape, masks.shape)
    for kind, arrays in (("images", images), ("masks", masks.reshape(-1, 96, 96) * np.uint8(255))):
        (target / kind).mkdir(parents=True)
        for number, array in enumerate(arrays):
            Image.fromarray(array).save(target / kind / f"{number:03d}.png")
    return len(images) + len(masks)


def isbi2012(source: Path, target: Path, _: int | None) -> int:
    """30 slices, 512x512 grey, with masks of 0 (membrane) and 1, in folders of the usual names."""
    files = 0
    for kind, folder in (("images", "image"), ("masks", "label")):
        (target / kind).mkdir(parents=True)
        for file in sorted((source / "isbi2012" / folder).glob("*.png")):
            shutil.copyfile(file, target / kind / file.name)
            files += 1
    return files


def fsdd(source: Path, target: Path, _: int | None) -> int:
    """3,000 spoken digits, 8 kHz, in a folder for each of six speakers."""
    files = sorted((source / "fsdd" / "recordings").glob("*.flac"))
    for file in files:
        digit, speaker, index = file.stem.split("_")
        (target / speaker).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target / speaker / f"{digit}_{index}.flac")
    return len(files)


SETS: dict[str, Callable[[Path, Path, int | None], int]] = {
    "fashion_mnist": fashion_mnist,
    "cifar10": cifar10,
    "dsb2018": dsb2018,
    "isbi2012": isbi2012,
    "fsdd": fsdd,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--only", nargs="+", choices=sorted(SETS), default=list(SETS))
    parser.add_argument(
        "--per-class",
        type=int,
        help="maximum number of images of a class and part, of the first two",
    )
    options = parser.parse_args()
    for name in options.only:
        folder = options.target / name
        if folder.exists():
            print(f"{folder} exists already")
            continue
        unfinished = options.target / f".{name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        start = time.perf_counter()
        files = SETS[name](options.source, unfinished, options.per_class)
        unfinished.rename(folder)
        print(f"{folder}: {files:,} files in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
