"""A checkpoint alone rebuilds network, classes and normalisation, and gives equal logits."""

from pathlib import Path
from types import SimpleNamespace

import lightning as L
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig
from tiny import facts_of, fit, labelled, masked

from convsweep.cli.hydra_version import main_options
from convsweep.errors import UserError
from convsweep.tasks.classification import Classification
from convsweep.tasks.segmentation import Segmentation
from convsweep.training import build

CONF = Path(__file__).parents[2] / "conf"
CASES = {
    "classification": [
        "model/net=cnn_small",
        "model.class_weights=balanced",
        "+model.net.stages.2.kernel_size=5",
    ],
    "classification_torchvision": [
        "model/net=torchvision",
        "model.label_smoothing=0.1",
        "scheduler=none",
    ],
    "segmentation": [
        "model=segmentation",
        "model.dice_weight=0.5",
        "model.net.depth=2",
        "optimizer=sgd",
    ],
}


def compose_for(case: str) -> DictConfig:
    with initialize_config_dir(**main_options(), config_dir=str(CONF)):
        return compose("config", CASES[case])


def trained(case: str, folder: Path) -> tuple[L.LightningModule, torch.Tensor, Path]:
    """Return a model trained for one epoch, its data and its checkpoint."""
    task = case.split("_")[0]
    x, y = labelled() if task == "classification" else masked()
    info = facts_of(
        task,
        tuple(x.shape[1:]),
        4 if task == "classification" else 3,
        None if task == "classification" else 255,
    )
    cfg = compose_for(case)
    build.fill_shape(cfg, info)
    data = SimpleNamespace(
        info=info,
        mean=np.float32([100.0]),
        std=np.float32([50.0]),
        class_counts=np.arange(1, info.num_classes + 1),
        target_statistics=None,
        train=SimpleNamespace(x=x.numpy()),
    )
    model = build.build_model(cfg, data)
    keep = ModelCheckpoint(folder, filename="kept", monitor=model.monitor, mode=model.monitor_mode)
    fit(model, (x, y), epochs=1, batch_size=4, enable_checkpointing=True, callbacks=[keep])
    return model.eval(), x, folder / "kept.ckpt"


@pytest.mark.parametrize("case", CASES)
def test_checkpoint_gives_equal_logits(case: str, tmp_path: Path) -> None:
    model, x, checkpoint = trained(case, tmp_path)
    loaded = build.load_model(checkpoint)
    assert type(loaded) is type(model)
    assert isinstance(loaded, Segmentation if case == "segmentation" else Classification)
    assert not loaded.training
    assert loaded.info == model.info
    with torch.no_grad():
        expected = model(x)
        assert torch.equal(loaded(x), expected)
        y = (
            torch.arange(len(x))
            .view(-1, *[1] * (expected.dim() - 2))
            .expand(len(x), *expected.shape[2:])
            % 3
        )
        # class weights are those of the training
        assert torch.equal(loaded.loss(expected, y), model.loss(expected, y))
    assert float(loaded.normalize.mean) == 100.0
    torch.testing.assert_close(loaded.predict_batch(x)["probs"], expected.softmax(1))


def test_checkpoint_describes_itself_in_plain_types(tmp_path: Path) -> None:
    _, _, checkpoint = trained("segmentation", tmp_path)
    card = torch.load(checkpoint, weights_only=True)["convsweep"]
    assert card["info"]["class_names"] == ["c0", "c1", "c2"]
    assert card["info"]["in_shape"] == [1, 16, 16]
    assert card["info"]["ignore_index"] == 255
    assert card["model"]["net"]["in_shape"] == [1, 16, 16]
    assert card["model"]["monitor"] == "val/miou"
    assert card["data"]["_target_"] == "convsweep.data.sources.digits.Digits"
    assert card["class_counts"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not there"),
        (b"PK", "is not a readable checkpoint"),
        ({"state_dict": {}}, "was not written by convsweep"),
        ({"state_dict": {}, "convsweep": {"model": {}}}, "was written by an earlier version"),
    ],
)
def test_file_that_is_no_checkpoint_is_named(
    content: bytes | dict | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "broken.ckpt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(UserError, match=message) as caught:
        build.load_model(path)
    assert str(path) in str(caught.value)


def test_cut_checkpoint_is_named(tmp_path: Path) -> None:
    _, _, checkpoint = trained("classification", tmp_path)
    checkpoint.write_bytes(checkpoint.read_bytes()[:-500])
    with pytest.raises(UserError, match="is not a readable checkpoint"):
        build.load_model(checkpoint)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+model.net.kernal_size=3", "net has no option 'kernal_size'; did you mean 'kernel_size'"),
        ("model.net.num_stages=9", "stage 5 of 9 cannot be built"),
        (
            "model.class_weights=balancd",
            "model.class_weights must be one of none, balanced, but is 'balancd'; did you mean",
        ),
        ("scheduler.warmup=2", "scheduler.warmup must be a share"),
        ("model.label_smoothing=2", "model.label_smoothing must be a probability"),
    ],
)
def test_users_mistake_comes_out_of_the_config_as_one_message(override: str, message: str) -> None:
    with initialize_config_dir(**main_options(), config_dir=str(CONF)):
        cfg = compose("config", [override])
    info = facts_of("classification", (1, 16, 16), 3)
    build.fill_shape(cfg, info)
    x = np.zeros((1, 1, 16, 16), np.uint8)
    counts = np.ones(3)
    data = SimpleNamespace(
        info=info,
        mean=np.zeros(1),
        std=np.ones(1),
        class_counts=counts,
        target_statistics=None,
        train=SimpleNamespace(x=x),
    )
    with pytest.raises(UserError, match=message) as caught:
        build.build_model(cfg, data)
    assert "\n" not in str(caught.value)


def test_what_hydra_notes_as_a_configs_error_is_one_message_and_other_errors_are_not() -> None:
    noted = RuntimeError("shapes do not fit")
    # as Hydra 1.4 does, where 1.3 raised an exception of its own
    noted.add_note("full_key: model.net")
    with (
        pytest.raises(UserError, match=r"^model\.net cannot be built: shapes do not fit$"),
        build.plain_errors("model.net"),
    ):
        raise noted
    with pytest.raises(RuntimeError), build.plain_errors("model.net"):
        raise RuntimeError("a bug of ours")
