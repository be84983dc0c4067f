"""A run's network in W&B."""

from pathlib import Path
from typing import Any

from fitting import TinyModel, fit, track
from lightning.pytorch.callbacks import Callback, LearningRateMonitor
from torch import nn
from wandb_server import WandbServer

from convsweep.data.samples import DataInfo
from convsweep.tracking.wandb.architecture import Architecture
from convsweep.tracking.wandb.run import RUN_FILE


class FactualModel(TinyModel):
    """A tiny model with a net and the facts of its data, as all models of the package are."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3)
        )
        self.metadata: dict[str, Any] = {}
        self.info = DataInfo(
            in_shape=(64,),
            num_classes=3,
            class_names=("a", "b", "c"),
            task="classification",
            ignore_index=None,
        )


def test_a_run_shows_its_network_layer_by_layer(server: WandbServer, folder: Path) -> None:
    with track(folder) as tracker:
        fit(tracker, FactualModel(), max_epochs=1, callbacks=[Architecture()], shape=(64,))
    assert server.run.values("architecture")[0]["_type"] == "html-file"
    (page,) = [
        content.decode() for name, content in server.uploads.items() if name.endswith(".html")
    ]
    for text in ("Conv2d", "Linear", "219"):  # 72 x 3 + 3 weights
        assert text in page


def test_the_first_step_does_not_wait_for_the_run_which_gets_what_came_before_it(
    server: WandbServer, folder: Path
) -> None:
    begun = []

    class Watch(Callback):
        """Looks for the run after every step."""

        def on_train_batch_end(self, *rest: Any) -> None:
            begun.append((folder / RUN_FILE).exists())

    with track(folder) as tracker:
        tracker.log_summary({"cost/params": 15})
        callbacks = [Architecture(), LearningRateMonitor("epoch"), Watch()]
        fit(tracker, FactualModel(), max_epochs=1, callbacks=callbacks, shape=(64,))
    assert begun == [False, True, True]
    assert server.run.values("lr-SGD") == [0.1]
    assert server.run.summary["cost/params"] == 15
