"""`convsweep synth method=class_images checkpoint=RUN`: images from a trained network, composed
by Hydra.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import hydra

from convsweep.cli import command_line
from convsweep.cli.command_line import config_folder
from convsweep.cli.hydra_version import main_options

if TYPE_CHECKING:
    from omegaconf import DictConfig


def synthesise(cfg: DictConfig) -> None:
    """Make the images that a composed config specifies.

    Raises:
        UserError: an option is wrong, or a file cannot be read.
    """
    import json
    from pathlib import Path

    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    from convsweep.explain.synth.early_check import check_synthesis
    from convsweep.training.imports import prepare_imports

    check_synthesis(cfg)
    prepare_imports()

    from convsweep.cli.console import console, quiet_engines, short_path
    from convsweep.explain.synth.context import SynthesisContext
    from convsweep.explain.synth.judge import check_judge, judge_images
    from convsweep.explain.synth.layers import layers_of, listing
    from convsweep.explain.synth.opening import from_checkpoint, subject_of
    from convsweep.explain.synth.option_kinds import check_kinds
    from convsweep.literal_options import check_words
    from convsweep.run_folder import write_atomically
    from convsweep.training.build import plain_errors

    quiet_engines()
    options: Any = OmegaConf.to_container(cfg, resolve=True)
    for part in ("method", "parameterization"):
        with plain_errors(part):
            target = hydra.utils.get_object(cfg[part]._target_)
            check_words(part, target, options[part])
            check_kinds(part, target, options[part])
    subject = subject_of(cfg)
    if cfg.list_layers:
        console.print(listing(layers_of(subject)), markup=False)
        return
    with plain_errors("method"):
        method: Any = hydra.utils.instantiate(cfg.method, _convert_="all")
    with plain_errors("parameterization"):
        parameterization: Any = hydra.utils.instantiate(cfg.parameterization, _partial_=True)
    judge = None if cfg.judge is None else from_checkpoint(str(cfg.judge), cfg.device)
    if judge is not None:
        check_judge(judge, subject)
    folder = Path(HydraConfig.get().runtime.output_dir)
    context = SynthesisContext(
        subject, folder, cfg.seed, cfg.size, parameterization, cfg.keep_every, cfg.animate
    )
    with context.within_memory():
        result = method.run(context)
    context.finish()
    samples, classes = result.pop("samples", None), result.pop("classes", None)
    if judge is not None and samples is not None:
        result["judge"] = judge_images(judge, subject, samples, classes)
        console.print(
            f"a second network recognises {result['judge']['accuracy']:.0%} of the classes"
        )
    write_atomically(folder / "synth.json", json.dumps(result, indent=2, default=float) + "\n")
    console.print(f"pictures: {short_path(folder)}", soft_wrap=True, markup=False)


@hydra.main(**main_options(), config_path=str(config_folder()), config_name="synth")
@command_line.user_errors
def main(cfg: DictConfig) -> None:
    """Make images from a command line."""
    synthesise(cfg)


if __name__ == "__main__":
    command_line.run(main)
