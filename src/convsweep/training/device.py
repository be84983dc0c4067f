"""The device of a training, and of a command's `--device`."""

import torch

from convsweep.errors import UserError


def fastest_device() -> torch.device:
    """Return the first available of CUDA, MPS and the CPU, as Lightning's `auto` does."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def training_device(accelerator: str) -> torch.device:
    """Return the device of a training with this `trainer.accelerator`."""
    fastest = fastest_device()
    uses_it = accelerator in ("auto", "gpu", fastest.type)
    return fastest if uses_it else torch.device("cpu")


def named_device(name: str) -> torch.device:
    """Return the device with this name; `auto` is the fastest.

    Raises:
        UserError: the device is not available.
    """
    if name == "auto":
        return fastest_device()
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"--device must be auto or a device that torch has here, but {name!r} is not: {reason}"
        ) from None
    return device
