"""Two processes train what one does with batches twice as large: weights, losses and metrics agree
to rounding.
"""

from collections.abc import Callable
from functools import partial

import lightning as L
import pytest
import torch
from torch import Tensor, nn

from convsweep.data.sources.digits import Digits
from convsweep.distributed.sync_norm import CpuSyncBatchNorm, SyncNorm, synchronise
from convsweep.errors import UserError
from convsweep.nets import ConvNet
from convsweep.tasks.classification import Classification

pytestmark = pytest.mark.long

GLOBAL_BATCH = 24
SAMPLES = 203  # of which 36 make a last step of 12, and a last of 11 is uneven for 2


def train(devices: int) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Train two epochs in as many processes as there are devices, and return the weights and what
    was logged.
    """
    L.seed_everything(0, verbose=False)
    data = Digits(batch_size=GLOBAL_BATCH // devices, last_batch="keep", max_train=SAMPLES)
    net = ConvNet(data.info.in_shape, 10, num_stages=2, width=4, norm="batch")
    statistics = {
        name: torch.as_tensor(getattr(data, name)) for name in ("mean", "std", "class_counts")
    }
    sgd = partial(torch.optim.SGD, lr=0.1, momentum=0.9)
    model = Classification(net=net, info=data.info, optimizer=sgd, **statistics)
    trainer = L.Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp_fork",
        plugins=[SyncNorm()],
        max_epochs=2,
        use_distributed_sampler=False,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(model, data)
    assert len(data.train) % GLOBAL_BATCH % 2 == 1, "the last step must be uneven"
    return model.state_dict(), {
        name: float(value) for name, value in trainer.callback_metrics.items()
    }


@pytest.mark.filterwarnings(
    "ignore:.*multi-threaded.*fork:DeprecationWarning", "ignore:It is recommended to use .self.log"
)
@pytest.mark.fresh_process
def test_two_processes_learn_what_one_does() -> None:
    (alone, scores), (together, scores_together) = train(devices=1), train(devices=2)
    assert alone.keys() == together.keys()
    for name, tensor in alone.items():
        torch.testing.assert_close(
            together[name],
            tensor,
            rtol=1e-3,
            atol=1e-5,
            msg=lambda text, name=name: f"{name}: {text}",
        )
    assert scores_together == pytest.approx(scores, rel=1e-4)


@pytest.mark.parametrize(
    ("make", "shape"), [(nn.BatchNorm1d, (6, 3)), (nn.BatchNorm2d, (4, 3, 5, 5))]
)
def test_one_process_normalises_as_torch_does(
    make: type[nn.Module], shape: tuple[int, ...]
) -> None:
    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    try:
        theirs = make(3)
        ours = synchronise(make(3))
        x = torch.randn(shape) * 3 + 1
        seen = [x.clone().requires_grad_() for _ in range(2)]
        results = [layer(given) for layer, given in zip((theirs, ours), seen, strict=True)]
        for result in results:
            result.pow(3).sum().backward()
    finally:
        torch.distributed.destroy_process_group()
    assert isinstance(ours, CpuSyncBatchNorm)
    torch.testing.assert_close(results[1], results[0])
    torch.testing.assert_close(seen[1].grad, seen[0].grad, rtol=1e-4, atol=1e-4)
    for name, buffer in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], buffer)


class Renamed(nn.BatchNorm2d):
    """A normalisation that does no more."""


class Gated(nn.BatchNorm2d):
    """A normalisation that does more."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).sigmoid() * x


def joined() -> nn.Module:
    """Return timm's normalisation and activation in one."""
    layer: nn.Module = pytest.importorskip("timm.layers").BatchNormAct2d(3)
    return layer


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("make", [lambda: Gated(3), joined], ids=["own", "timm"])
def test_a_normalisation_that_does_more_is_refused(
    make: Callable[[], nn.Module], device: str
) -> None:
    net = nn.ModuleDict({"block": nn.Sequential(nn.BatchNorm2d(3), make())}).to(device)
    with pytest.raises(
        UserError,
        match=(
            r"but block\.1 \((Gated|BatchNormAct2d)\) does more; use trainer\.sync_batchnorm=false"
        ),
    ):
        SyncNorm().apply(net)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_one_by_another_name_is_synchronised_again_and_again(device: str) -> None:
    net: nn.Module = nn.Sequential(Renamed(3)).to(device)
    for _ in range(2):
        net = SyncNorm().apply(net)
        assert isinstance(
            net.get_submodule("0"), CpuSyncBatchNorm if device == "cpu" else nn.SyncBatchNorm
        )
    SyncNorm().apply(SyncNorm().revert(net))
