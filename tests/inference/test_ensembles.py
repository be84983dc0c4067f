"""Several checkpoints answer as one: by the mean of their answers, in every command and task."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from convsweep.errors import UserError
from convsweep.inference.evaluate.command import evaluate
from convsweep.inference.evaluate.out_of_fold import fold_parts
from convsweep.inference.export.command import export
from convsweep.inference.inference_model import Deployed
from convsweep.inference.predict.command import predict
from convsweep.training.members import checkpoints_of, split_networks
from convsweep.training.trained import load_trained
from tests.checkpoints import SMALL, arrays_checkpoint, columns_checkpoint, write_checkpoint


def vary(path: Path, seed: int) -> Path:
    """Write another network beside a checkpoint, with other weights and statistics."""
    card = torch.load(path, weights_only=False)
    rng = torch.Generator().manual_seed(seed)
    for value in card["state_dict"].values():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            value += 0.1 * torch.rand(value.shape, generator=rng)
    other = path.with_name(f"{seed}_{path.name}")
    torch.save(card, other)
    return other


def classes(path: Path) -> Path:
    return arrays_checkpoint(path, (2, 8, 8))


def masks(path: Path) -> Path:
    return arrays_checkpoint(path, (1, 16, 16), masks=True)


def numbers(path: Path) -> Path:
    return columns_checkpoint(path, "regression")


def labels(path: Path) -> Path:
    return columns_checkpoint(path, "multi_label")


def signals(path: Path) -> Path:
    return write_checkpoint(
        path,
        "model=denoising",
        "model/net=unet_1d",
        "data=signals",
        "data.length=64",
        "data.num_train=4",
        "data.num_val=2",
        "data.num_test=2",
        "model.net.depth=2",
        "model.net.width=4",
    )


@pytest.mark.parametrize("make", [classes, masks, numbers, labels, signals])
def test_the_answer_is_the_mean_of_the_answers(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    first = make(tmp_path / "net.ckpt")
    paths = [first, vary(first, 1), vary(first, 2)]
    info = load_trained(first, "cpu").info
    x = torch.randn(3, *info.in_shape, generator=torch.Generator().manual_seed(0)) + 5
    alone = [Deployed(load_trained(path, "cpu").model)(x) for path in paths]
    together = Deployed(load_trained(paths, "cpu").model)(x)
    assert not torch.allclose(alone[0], alone[1], atol=1e-4)
    torch.testing.assert_close(together, torch.stack(alone).mean(0), rtol=1e-4, atol=1e-5)


def test_thresholds_of_labels_are_averaged(tmp_path: Path) -> None:
    first = labels(tmp_path / "net.ckpt")
    paths = [first, vary(first, 1)]
    alone = [load_trained(path, "cpu").model.thresholds for path in paths]
    together = load_trained(paths, "cpu").model.thresholds
    torch.testing.assert_close(together, (alone[0] + alone[1]) / 2)


def test_a_network_has_its_own_thresholds_on_its_own_fold(tmp_path: Path) -> None:
    folds = []
    for fold in range(2):
        path = tmp_path / str(fold) / "net.ckpt"
        path.parent.mkdir()
        given = ["data.num_folds=2", f"data.fold={fold}"]
        folds.append(columns_checkpoint(path, "multi_label", *given))
    folds[1] = vary(folds[1], 1)
    alone = [load_trained(path, "cpu").model.thresholds for path in folds]
    parts = fold_parts(load_trained(folds, "cpu"))
    assert not torch.equal(*alone)
    for part, thresholds in zip(parts, alone, strict=True):
        torch.testing.assert_close(part.model.thresholds, thresholds)


def test_commands_take_several_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = classes(tmp_path / "net.ckpt")
    two = [str(first), str(vary(first, 1))]
    assert predict([*two, "net.npz", "--device", "cpu"]) == 0
    rows = np.loadtxt("predictions/predictions.csv", delimiter=",", skiprows=1, usecols=(3, 4, 5))
    x = torch.from_numpy(np.load("net.npz")["x"])
    alone = [load_trained(path, "cpu").model.predict_batch(x)["probs"] for path in two]
    assert rows == pytest.approx(torch.stack(alone).mean(0).numpy(), abs=2e-6)
    assert evaluate([*two, "net.npz", "--device", "cpu", "--out", "measured"]) == 0
    assert json.loads(Path("measured/evaluation.json").read_text())["checkpoints"] == two
    assert export([*two, "--format", "pt2", "--no-latency"]) == 0
    program = torch.export.load("exported/model.pt2").module()
    assert program(x).detach().numpy() == pytest.approx(rows, abs=1e-4)


def test_networks_end_where_samples_begin(tmp_path: Path) -> None:
    for name in ("a.ckpt", "b.ckpt", "c.png"):
        (tmp_path / name).touch()
    a, b, c = (tmp_path / name for name in ("a.ckpt", "b.ckpt", "c.png"))
    assert split_networks([a, b, c, tmp_path]) == ([a, b], [c, tmp_path])
    with pytest.raises(UserError, match="named twice"):
        split_networks([a, a, c])


def runs(folder: Path, *configs: str) -> list[Path]:
    found = []
    for number, config in enumerate(configs):
        best = folder / str(number) / "checkpoints" / "best.ckpt"
        best.parent.mkdir(parents=True)
        best.touch()
        (folder / str(number) / "config.yaml").write_text(config)
        found.append(best)
    return found


def test_a_folder_of_folds_is_an_ensemble_in_their_order(tmp_path: Path) -> None:
    one, two = runs(
        tmp_path,
        "{seed: 0, data: {fold: 1}, lr: 1, trainer: {default_root_dir: run1}}",
        "{seed: 0, data: {fold: 0}, lr: 1, trainer: {default_root_dir: run0}}",
    )
    assert checkpoints_of(tmp_path) == [two, one]


def test_runs_that_differ_in_more_than_fold_and_seed_are_no_ensemble(tmp_path: Path) -> None:
    runs(tmp_path, "{seed: 0, lr: 1}", "{seed: 1, lr: 2}")
    with pytest.raises(UserError, match="name one of the 2"):
        checkpoints_of(tmp_path)


def test_networks_of_other_classes_or_shapes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must agree in shape of samples, but it is 2, 8, 8 in"):
        load_trained([classes(tmp_path / "a.ckpt"), arrays_checkpoint(tmp_path / "b.ckpt", (2, 8))])
    with pytest.raises(UserError, match="must agree in task"):
        load_trained([classes(tmp_path / "a.ckpt"), masks(tmp_path / "b.ckpt")])


def digits(path: Path, *overrides: str) -> Path:
    return write_checkpoint(path, "data=digits", *SMALL, *overrides)


def test_only_a_part_that_no_network_was_trained_on_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folds = [
        str(digits(tmp_path / f"{fold}.ckpt", "data.num_folds=2", f"data.fold={fold}"))
        for fold in range(2)
    ]
    assert evaluate([*folds, "--device", "cpu"]) == 0
    other = str(digits(tmp_path / "other.ckpt", "data.split_seed=1"))
    with pytest.raises(UserError, match=r"the test part in common, but data\.split_seed is 0"):
        evaluate([folds[0], other, "--out", "test"])
    with pytest.raises(UserError, match=r"the val part in common, but data\.fold is 0"):
        evaluate([folds[0], other, "--split", "val", "--out", "val"])


def test_each_network_is_validated_on_its_own_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folds = [digits(tmp_path / "0.ckpt", "data.num_folds=2", "data.fold=0")]
    folds.append(vary(digits(tmp_path / "net.ckpt", "data.num_folds=2", "data.fold=1"), 1))
    for fold, path in enumerate(folds):
        alone = [str(path), "--split", "val", "--device", "cpu", "--out", str(fold)]
        assert evaluate(alone) == 0
    both = [*map(str, folds), "--split", "val", "--device", "cpu", "--out", "both"]
    assert evaluate(both) == 0
    one, two, found = (
        json.loads(Path(name, "evaluation.json").read_text()) for name in ("0", "1", "both")
    )
    assert [fold["metrics"] for fold in found["folds"]] == [
        pytest.approx(each["metrics"], rel=1e-4) for each in (one, two)
    ]
    assert found["confusion"] == (np.array(one["confusion"]) + two["confusion"]).tolist()
    assert found["samples"] == one["samples"] + two["samples"]
