"""Checkpoints as artifacts of a W&B run."""

from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.callbacks import ModelCheckpoint


class CheckpointArtifacts:
    """Tracks which checkpoints exist and which have been uploaded.

    Args:
        which: `none`, the `best` and the last at the end of the training, or `all` as they are
            saved.
    """

    def __init__(self, which: Literal["none", "best", "all"]) -> None:
        self.which = which
        self._callbacks: list[ModelCheckpoint] = []
        self._uploaded: dict[str, float] = {}  # path and modification time, since last.ckpt changes

    def note(self, callback: ModelCheckpoint) -> bool:
        """Remember a checkpoint callback; return whether to upload now."""
        if callback not in self._callbacks:
            self._callbacks.append(callback)
        return self.which == "all"

    def upload(self, run: Any) -> None:
        """Log new checkpoints, the oldest first, as versions of one artifact with the aliases
        `latest` and `best`.

        Args:
            run: the W&B run; nothing is logged if it is offline or None.
        """
        if self.which == "none" or run is None or run.offline:
            return
        import wandb

        for written, path, callback in self._new():
            is_best = callback.monitor is not None and path == callback.best_model_path
            score = callback.best_k_models.get(path, callback.current_score)
            metadata = {
                "score": None if score is None else float(score),
                "original_filename": Path(path).name,
                "monitor": callback.monitor,
                "mode": callback.mode,
            }
            artifact = wandb.Artifact(f"model-{run.id}", type="model", metadata=metadata)
            artifact.add_file(path, name="model.ckpt")
            run.log_artifact(artifact, aliases=["latest", "best"] if is_best else ["latest"])
            self._uploaded[path] = written

    def _new(self) -> list[tuple[float, str, ModelCheckpoint]]:
        found: dict[str, ModelCheckpoint] = {}
        for callback in self._callbacks:
            for path in (
                callback.last_model_path,
                callback.best_model_path,
                *callback.best_k_models,
            ):
                if path and Path(path).is_file():
                    found[path] = callback
        dated = [(Path(path).stat().st_mtime, path, callback) for path, callback in found.items()]
        fresh = [entry for entry in dated if self._uploaded.get(entry[1], -1.0) < entry[0]]
        return sorted(fresh, key=lambda entry: entry[:2])
