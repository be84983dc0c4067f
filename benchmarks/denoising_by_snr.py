"""Measure a trained denoiser on its test part at several signal-to-noise ratios and for each kind
of noise.

    python benchmarks/denoising_by_snr.py CHECKPOINT [--snr-db 0 5] [data.root=FOLDER ...]

CHECKPOINT is a .ckpt file or a run folder. Prints one row per ratio: SI-SNR before, after, and the
improvement, in dB, for all noises of the training together and for each alone.
"""

import argparse

import torch
from omegaconf import OmegaConf

from convsweep.training.trained import Trained, load_trained


def ratios(
    trained: Trained, overrides: list[str], snr_db: float, noise: list[str]
) -> dict[str, float]:
    """Return the model's metrics on the test part with these noises at one ratio."""
    from hydra.utils import instantiate

    stated = OmegaConf.create({"data": trained.data})
    changed = OmegaConf.merge(
        stated, OmegaConf.from_dotlist(overrides), {"data": {"eval_snr_db": snr_db, "noise": noise}}
    )
    data = instantiate(changed.data)
    metrics = trained.model.make_metrics()
    with torch.inference_mode():
        for noisy, clean in data.eval_loader(data.ready()[2]):
            trained.model.score(metrics, trained.model(noisy), (noisy, clean))
    return {name: float(value) for name, value in metrics.compute().items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint")
    parser.add_argument("overrides", nargs="*", help="of the data, such as data.root=FOLDER")
    parser.add_argument("--snr-db", type=float, nargs="+", default=[0.0, 5.0])
    options = parser.parse_args()
    trained = load_trained(options.checkpoint, "cpu")
    kinds = trained.data["noise"]
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    print(
        "| noise | mixed at | SI-SNR before | after | improvement | SNR improvement"
        " |\n|---|---|---|---|---|---|"
    )
    for noise in [kinds, *([kind] for kind in kinds if len(kinds) > 1)]:
        for snr_db in options.snr_db:
            found = ratios(trained, options.overrides, snr_db, noise)
            after, better = found["si_snr"], found["si_snr_improvement"]
            row = (
                ", ".join(noise),
                f"{snr_db:g} dB",
                *(f"{value:.1f}" for value in (after - better, after, better)),
            )
            print(f"| {' | '.join(row)} | {found['snr_improvement']:.1f} |", flush=True)


if __name__ == "__main__":
    main()
