"""Loading of the network: a checkpoint of convsweep, or a torchvision classifier."""

from collections.abc import Sequence
from functools import partial

from omegaconf import DictConfig

from convsweep.cli.console import say
from convsweep.data.permutation import Permutation
from convsweep.explain.synth.components.training_gaussian import gaussian_of
from convsweep.explain.synth.early_check import Covariance
from convsweep.explain.synth.subject import BYTE, SynthSubject, frozen
from convsweep.training.trained import load_trained


def subject_of(cfg: DictConfig) -> SynthSubject:
    """Load the network of a composed config: a checkpoint, or a torchvision network with weights
    from a file.

    Raises:
        UserError: it cannot be loaded.
    """
    if cfg.checkpoint is not None:
        return from_checkpoint(str(cfg.checkpoint), cfg.device, cfg.covariance, cfg.size)
    from convsweep.explain.synth.torchvision_subject import from_torchvision

    return from_torchvision(str(cfg.torchvision.name), cfg.torchvision.weights, cfg.device)


def from_checkpoint(
    named: str,
    device: str = "auto",
    covariance: Covariance = "white",
    size: int | Sequence[int] | None = None,
) -> SynthSubject:
    """Load the network of a checkpoint, a run folder or a sweep folder (its winner).

    Args:
        covariance: of its `gaussian`, for images of this size: `data`, `white`, or `auto` for data
            if it can be read.

    Raises:
        UserError: it cannot be loaded.
    """
    trained = load_trained(named, device)
    model, info = trained.model, trained.info
    limits = BYTE if model.metadata.get("dtype") == "uint8" else None
    gaussian = partial(gaussian_of, trained=trained, covariance=covariance, size=size)
    permutation = Permutation(info.spatial_shape).to(trained.device) if trained.permute else None
    if permutation is not None:
        say(
            f"{named} sees positions permuted (data.permute=true); images are shown with their"
            " positions in order"
        )
    return SynthSubject(
        frozen(model.net),
        model.normalize,
        info.in_shape,
        info.class_names,
        info.kind,
        limits,
        gaussian,
        permutation,
    )
