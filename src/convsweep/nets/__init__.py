"""Networks in plain torch, 1-D, 2-D and 3-D from the same code. Imported on first use, because a
config is checked without torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convsweep.nets.convnet import ConvNet as ConvNet
    from convsweep.nets.unet import UNet as UNet

__all__ = ["ConvNet", "UNet"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{name.lower()}"), name)
