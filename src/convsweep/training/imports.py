"""What comes before Lightning is imported."""

from convsweep.patches import apply_patches, torchmetrics


def prepare_imports() -> None:
    """Apply the patches of imports; call it before anything imports Lightning."""
    apply_patches(torchmetrics.PATCHES)
