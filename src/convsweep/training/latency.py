"""The latency of a composed config's network, measured if the config needs it."""

from typing import Any

import torch
from omegaconf import DictConfig

from convsweep.cost.latency import measure_latency
from convsweep.errors import UserError, did_you_mean
from convsweep.models.memory_format import lay_out
from convsweep.training import build
from convsweep.training.device import training_device


def latency_record(cfg: DictConfig) -> dict[str, Any]:
    """Return the measured latency for the record, nothing if the config does not need it.

    Raises:
        InfeasibleError: it is beyond `budget.max_latency_ms`.
        UserError: an option of `latency` is wrong, or the device is not there.
    """
    limit = cfg.budget.get("max_latency_ms")
    if limit is None and "latency_ms" not in (cfg.objectives or []):
        return {}
    device = latency_device(str(cfg.latency.device), str(cfg.trainer.get("accelerator", "auto")))
    in_shape = tuple(cfg.shape.in_shape)
    with torch.random.fork_rng(devices=[]):
        net = build.build_net(cfg)
    layout = lay_out(net, cfg.model.get("memory_format", "auto"), in_shape, device)
    measured = measure_latency(
        net.to(device),
        in_shape,
        batch_size=cfg.latency.batch_size,
        num_passes=cfg.latency.num_passes,
        device=device,
        memory_format=layout,
    )
    measured.check(limit)
    return {"latency_ms": measured.median_ms, "latency_spread_ms": measured.spread_ms}


def latency_device(wanted: str, accelerator: str) -> torch.device:
    """Return the device to measure on.

    Args:
        wanted: `auto`, `cpu` or `cuda`.
        accelerator: Lightning's word for what trains, which `auto` follows.

    Raises:
        UserError: another word, or no such device.
    """
    words = ("auto", "cpu", "cuda")
    if wanted not in words:
        raise UserError(
            f"latency.device must be one of {', '.join(words)}, but is {wanted!r};"
            f" {did_you_mean(wanted, words)}"
        )
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("latency.device=cuda needs a GPU, but torch finds none; use auto or cpu")
    on_gpu = wanted == "cuda" or (wanted == "auto" and training_device(accelerator).type == "cuda")
    return torch.device("cuda" if on_gpu else "cpu")
