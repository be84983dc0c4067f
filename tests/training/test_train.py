"""A run from its command line to its folder: what is learnt, kept, resumed and refused."""

import json
import signal
from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException

from convsweep.cli.command_line import expand_resume
from convsweep.errors import UserError
from convsweep.training.build import load_model, read_checkpoint
from convsweep.training.result_table import show_result
from tests.conftest import Train
from tests.training.run_files import result_of, rows_of

pytestmark = pytest.mark.long


def test_default_net_learns_digits_and_leaves_a_record(train: Train) -> None:
    folder = train(
        "logger=none", "trainer=cpu", "trainer.max_epochs=6", "model.net.num_blocks=1", quick=False
    )
    result = result_of(folder)
    assert result["outcome"] == "complete"
    assert result["test"]["test/accuracy"] > 0.95
    assert result["objectives"] == {"val/accuracy": result["best"]["val/accuracy"]}
    assert result["best"]["val/accuracy"] == pytest.approx(
        max(float(row["val/accuracy"]) for row in rows_of(folder)), abs=1e-4
    )
    assert (folder / "config.yaml").is_file()
    assert (folder / "checkpoints" / "last.ckpt").is_file()


def test_a_checkpoint_alone_rebuilds_net_classes_and_normalisation(trained: Path) -> None:
    model = load_model(trained / result_of(trained)["checkpoint"])
    assert model.info.class_names == tuple("0123456789")
    images = torch.randint(0, 256, (4, 1, 8, 8), dtype=torch.uint8)
    probs = model.predict_batch(images)["probs"]
    assert probs.shape == (4, 10)
    assert not probs.requires_grad
    torch.testing.assert_close(probs.sum(1), torch.ones(4))
    for wrong in (images.permute(0, 2, 3, 1), images[0], images.numpy()):
        with pytest.raises(
            UserError,
            match=r"samples must be a tensor \(N, 1, \*, \*\), but are .*; put the channels",
        ):
            model.predict_batch(wrong)
    assert 0 < float(model.normalize.mean) < 255


def test_same_seed_gives_the_same_run_and_another_seed_another(train: Train) -> None:
    first, second, third = (
        [row["train/loss"] for row in rows_of(train(f"seed={seed}", folder=name))]
        for name, seed in (("first", 1), ("second", 1), ("third", 2))
    )
    assert first == second != third


def test_resume_goes_on_in_its_folder_as_if_never_stopped(train: Train) -> None:
    draws = [
        "data/augment=[shift,erasing,trivial_augment]",
        "data.mixup_alpha=0.2",
        "data.cutmix_alpha=1",
        "data.sampling=balanced",
    ]
    whole = train("trainer.max_epochs=3", "scheduler=none", *draws, folder="whole")
    train("trainer.max_epochs=1", "scheduler=none", *draws, folder="parts")
    parts = Path.cwd() / "parts"
    (parts / "result.json").unlink()  # as after a kill -9
    last = parts / "checkpoints" / "last.ckpt"
    state = torch.load(last, weights_only=True)
    assert 0 < state["callbacks"]["Stopwatch"]["seconds"] < 1000
    state["callbacks"]["Stopwatch"]["seconds"] += 1000
    torch.save(state, last)
    train("resume=parts", "trainer.max_epochs=3")
    assert 1000 < result_of(parts)["seconds"] < 2000
    assert [row["val/loss"] for row in rows_of(parts)] == [
        row["val/loss"] for row in rows_of(whole)
    ]
    assert result_of(parts)["best"]["val/accuracy"] == result_of(whole)["best"]["val/accuracy"]
    (parts / "result.json").write_text(json.dumps(result_of(parts) | {"seconds": 5000}))
    train("resume=parts", "trainer.max_epochs=3")
    assert result_of(parts)["seconds"] > 5000, "the time of earlier starts counts to their ends"


def test_a_stable_rate_lets_a_training_become_longer_as_if_it_had_been_so(train: Train) -> None:
    stable = ["scheduler=warmup_stable_decay", "scheduler.warmup_steps=5", "scheduler.decay=0.5"]
    whole = train(*stable, "trainer.max_epochs=4", folder="whole")
    train(*stable, "trainer.max_epochs=2", folder="short")
    longer = train(
        "resume=short",
        "ckpt_path=short/checkpoints/stable.ckpt",
        "hydra.run.dir=longer",
        "trainer.max_epochs=4",
        quick=False,
        folder="longer",
    )
    expected, found, short = (
        read_checkpoint(folder / "checkpoints" / "last.ckpt")
        for folder in (whole, longer, Path("short"))
    )
    assert expected["epoch"] == found["epoch"] == 3
    for name, value in expected["state_dict"].items():
        assert torch.equal(found["state_dict"][name], value), name
    assert not torch.equal(*(each["state_dict"]["net.head.2.bias"] for each in (short, expected)))
    assert [
        read_checkpoint(folder / "checkpoints" / "stable.ckpt")["epoch"]
        for folder in (whole, longer, Path("short"))
    ] == [1, 1, 0]


def test_resume_knows_which_config_a_run_was_of(train: Train) -> None:
    Path("presets").mkdir()
    preset = "defaults: [config, {override /model/net: mlp}, _self_]\n"
    Path("presets/other.yaml").write_text(preset)
    folder = train(
        "--config-dir=presets",
        "--config-name=other",
        "logger=none",
        "trainer=cpu",
        "trainer.max_epochs=1",
        quick=False,
    )
    train("resume=run", "trainer.max_epochs=2", quick=False)
    assert [row["epoch"] for row in rows_of(folder)] == ["0", "1"]
    with pytest.raises(UserError, match=r"name the file too: ckpt_path=.*run/checkpoints/last\.ck"):
        expand_resume(["resume=run", "hydra.run.dir=elsewhere"])


class Stop(L.Callback):
    """Ends the training in its second epoch as a signal does."""

    def __init__(self, signal: str) -> None:
        self.answer = {"SIGINT": KeyboardInterrupt, "SIGTERM": SIGTERMException}[signal]

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.current_epoch == 1:
            raise self.answer


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_stopped_run_says_how_to_go_on(
    train: Train, capsys: pytest.CaptureFixture[str], name: str, code: int
) -> None:
    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as end:
            train(
                "trainer.max_epochs=3",
                f"+callbacks.stop._target_={__name__}.Stop",
                f"+callbacks.stop.signal={name}",
            )
    finally:
        signal.signal(signal.SIGINT, handler)  # Lightning lets it be ignored
    folder = Path.cwd() / "run"
    assert end.value.code == code
    assert "resume=run" in capsys.readouterr().out
    result = result_of(folder)
    assert result["outcome"] == "killed"
    assert result["reason"]
    train("resume=run", "~callbacks.stop", quick=False)
    assert [row["epoch"] for row in rows_of(folder)] == ["0", "1", "2"]


def test_training_metrics_of_the_result_are_of_the_best_epoch(trained: Path) -> None:
    best = result_of(trained)["best"]
    row = next(
        row
        for row in rows_of(trained)
        if float(row["val/loss"]) == pytest.approx(best["val/loss"], abs=1e-6)
    )
    assert best["train/loss"] == pytest.approx(float(row["train/loss"]), abs=1e-6)


def test_a_sweep_without_its_flag_says_that_it_is_one_training(
    train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    train("sweeps=depth_kernel", "trainer.max_epochs=1")
    assert "to search, add -m" in capsys.readouterr().out
    train("sweeps=depth_kernel", "trainer.max_epochs=2", "ckpt_path=last")
    assert "to search, add -m" not in capsys.readouterr().out


def test_paths_are_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("/home/somebody") / ("a_long_name_" * 10)
    result = {
        "objectives": {"val/accuracy": 0.5, "macs": 1200.0},
        "best_epoch": 1,
        "test": {},
        "seconds": 2.0,
        "epochs": 1,
        "cost": {"params": 10, "macs": 1200},
        "stopped_early": False,
        "checkpoint": "checkpoints/best.ckpt",
        "wandb": {"url": None, "dir": "wandb/offline-run", "id": "abc"},
    }
    show_result(result, folder)
    printed = capsys.readouterr().out
    assert f"best checkpoint: {folder}/checkpoints/best.ckpt\n" in printed
    assert f"wandb sync {folder}/wandb/offline-run\n" in printed
    assert "1,200 " in printed
    assert f"next:\n  convsweep evaluate {folder} " in printed


def test_a_folder_with_a_run_is_not_overwritten(
    train: Train, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (trained / "checkpoints" / "best.ckpt").read_bytes()
    with pytest.raises(SystemExit) as end:
        train(f"hydra.run.dir={trained}")
    assert end.value.code == 1
    assert "holds a run; resume it by resume=" in capsys.readouterr().err
    assert (trained / "checkpoints" / "best.ckpt").read_bytes() == before


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["model.net.skip=ad"],
            "skip must be one of none, add, concat, but is 'ad'; did you mean 'add'?",
        ),
        (["model.net.num_stages=5"], "use num_stages=3"),
        (["+model.net.stages.2.kernal=5"], "has no option 'kernal'; did you mean 'kernel_size'?"),
        (["monitor.metric=val/acc"], "did you mean 'val/accuracy'?"),
        (["objectives=[val/accuracy,mac]"], "did you mean 'macs'?"),
        (["monitor.mode=maximum"], "monitor.mode must be max or min"),
        (["model.monitor=val/loss"], "lower, but is max; set model.monitor_mode=min"),
        (
            ["freed_memory=realease"],
            "freed_memory must be keep or release, but is 'realease'; did you mean 'release'?",
        ),
        (["data=image_folder", "data.root=nowhere"], "nowhere"),
        (["data=scenes"], "use model=segmentation"),
        (["budget.max_params=10"], "max_params"),
        (["resume=nowhere"], "holds none"),
        (["ckpt_path=nowhere.ckpt"], "ckpt_path must be a checkpoint"),
        (["trainer.max_epochs=0"], "trainer.max_epochs must be"),
        (["optimizer.lr=-1"], "optimizer.lr must be a number >= 0, but is -1"),
        (["optimizer.lr=fast"], "optimizer.lr must be a number >= 0, but is 'fast'"),
        (["data=image_folder"], "data.root has no default and must be given; add data.root="),
        (["data=image_folder", "data.root=.", "data.resize=strech"], "did you mean 'stretch'?"),
        (
            ["data=mask_folder", "data.root=.", "data.coding=bin", "model=segmentation"],
            "did you mean 'binary'?",
        ),
        (["data.last_batch=droop"], "data.last_batch must be one of drop, keep, but is 'droop'"),
        (["trainer.precision=half"], "half"),
        (["trainer.accelerator=abacus"], "abacus"),
        (["model.label_smoothing=2"], "label_smoothing must be a probability"),
        (["data.batch_size=0"], "data.batch_size must be a whole number, at least 1"),
        (["trainer.accelerator=tpu"], "trainer=cpu runs everywhere"),
        (["model.net._target_=my_package.MyNet"], "start in the folder that holds it"),
        (["scheduler.warmup=3"], "scheduler.warmup must be a share"),
        (["trainer=ddp_cpu", "trainer.strategy=ddp_fork"], "use trainer.strategy=ddp"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_mistakes_are_answered_by_one_message(
    train: Train, capsys: pytest.CaptureFixture[str], overrides: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as end:
        train(*overrides, quick="model=segmentation" not in overrides)
    error = capsys.readouterr().err
    assert end.value.code == 1
    assert message in error
    assert error.startswith("Error: ")
    assert len(error.splitlines()) == 2, "one message, and how to see where"
    assert "Traceback" not in error
    assert not Path("run").exists(), "a mistake leaves no folder behind"


@pytest.mark.parametrize(
    ("override", "answer"),
    [
        ("model.net.kernal_size=3", "did you mean 'kernel_size'?"),
        ("model/net=resnet81", "did you mean 'resnet18'?"),
    ],
)
def test_a_misspelt_key_or_option_is_answered_by_hydra_and_then_by_the_nearest(
    train: Train, capsys: pytest.CaptureFixture[str], override: str, answer: str
) -> None:
    with pytest.raises(SystemExit) as end:
        train(override)
    error = capsys.readouterr().err
    assert end.value.code == 1
    assert error.splitlines()[-1].startswith("Error: ")
    assert answer in error.splitlines()[-1]
    assert "Traceback" not in error


def test_traceback_is_one_switch_away(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(UserError):
        train("model.net.skip=ad")


def test_diverged_training_says_so(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train("optimizer=sgd", "optimizer.lr=1e9", "scheduler=none", "model.net.norm=none")
    assert "training loss must stay finite" in capsys.readouterr().err
    assert result_of(Path.cwd() / "run")["outcome"] == "diverged"


def test_objectives_may_be_costs(trained: Path) -> None:
    result = result_of(trained)
    assert result["objectives"]["macs"] == result["cost"]["macs"] > 0


def test_a_fast_check_runs(train: Train) -> None:
    folder = train("debug=fast", "trainer.max_epochs=2")
    assert result_of(folder)["outcome"] == "complete"


def test_overfit_learns_its_batches_by_heart(train: Train) -> None:
    folder = train("debug=overfit", "trainer.max_epochs=150", "model.net.width=16")
    assert result_of(folder)["outcome"] == "complete"
    assert result_of(folder)["best"]["train/loss"] < 0.1


def test_unet_runs_on_scenes(train: Train) -> None:
    folder = train(
        "experiment=unet_scenes",
        "logger=none",
        "trainer=cpu",
        "trainer.max_epochs=1",
        "data.num_train=32",
        "data.num_val=8",
        "data.num_test=8",
        "model.net.width=4",
        quick=False,
    )
    assert set(result_of(folder)["test"]) >= {
        "test/miou",
        "test/dice",
        "test/pixel_accuracy",
        "test/iou/background",
    }


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut off"])
def test_broken_checkpoints_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.ckpt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.ckpt is not a readable checkpoint"):
        read_checkpoint(path)


def test_foreign_checkpoints_are_named(tmp_path: Path) -> None:
    path = tmp_path / "foreign.ckpt"
    torch.save({"state_dict": {}}, path)
    with pytest.raises(UserError, match="was not written by convsweep"):
        read_checkpoint(path)
