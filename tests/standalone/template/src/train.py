"""Trains from a config, as the templates do, and returns the metric that the config names."""

import hydra
import lightning as L
from omegaconf import DictConfig


def train(cfg: DictConfig) -> dict[str, float]:
    """Return the metrics of a training."""
    L.seed_everything(cfg.seed, workers=True)
    model = hydra.utils.instantiate(cfg.model)
    callbacks = [hydra.utils.instantiate(callback) for callback in cfg.callbacks.values()]
    trainer = hydra.utils.instantiate(cfg.trainer, callbacks=callbacks)
    trainer.fit(model, ckpt_path=cfg.get("ckpt_path"))
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


@hydra.main(version_base="1.3", config_path="../configs", config_name="train.yaml")
def main(cfg: DictConfig) -> float | None:
    """Return the metric to optimise."""
    metrics = train(cfg)
    return metrics[cfg.optimized_metric] if cfg.optimized_metric else None


if __name__ == "__main__":
    main()
