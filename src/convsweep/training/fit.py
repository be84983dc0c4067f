"""Training of a model, with gradient accumulation over smaller batches if the device runs out of
memory.
"""

import gc
from typing import TYPE_CHECKING

import lightning as L
import torch
from omegaconf import DictConfig, open_dict

from convsweep.cli.console import say
from convsweep.cost.free_memory import free_memory
from convsweep.distributed.ranks import is_first
from convsweep.training import build
from convsweep.training.data_summary import WARNING, summary_lines
from convsweep.training.teacher import load_teacher
from convsweep.training.warm_start import begin_with
from hydra_study import is_out_of_memory

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule
    from convsweep.models.base import Model
    from convsweep.training.run import Run


def fit(run: "Run", cfg: DictConfig, data: "DataModule") -> "tuple[L.Trainer, Model]":
    """Train a model and return it with its trainer. Batches that do not fit are halved and their
    gradients accumulated.

    A step uses the same samples as before, as closely as halving allows; only batch normalisation
    sees fewer at a time.

    Raises:
        torch.OutOfMemoryError: a single sample does not fit, or there are other processes, which
        cannot be informed.
    """
    teacher = load_teacher(cfg, data)
    while True:
        model = build.build_model(cfg, data)
        if cfg.init_from is not None:
            begin_with(model, str(cfg.init_from))
        if teacher is not None:
            model.learn_from(teacher)
        trainer = run.trainer(model)
        if is_first():
            data.trainer = trainer
            device = trainer.strategy.root_device
            lines = summary_lines(data, run.memory, free_memory(device), str(device))
            for line in lines:
                say(line)
            remarks = [line.removeprefix(WARNING) for line in lines if line.startswith(WARNING)]
            if run.link is not None and remarks:
                run.link.set_attrs(remarks=remarks)
        try:
            trainer.fit(model, data, ckpt_path=run.checkpoint, weights_only=True)
        except (RuntimeError, MemoryError) as error:
            if (
                not came_of_memory(error)
                or trainer.world_size > 1
                or data.loading["batch_size"] == 1
            ):
                raise
        else:
            return trainer, model
        model.trainer = data.trainer = (
            None  # data and callbacks outlive the trainer and must not keep its tensors
        )
        del model, trainer
        if cfg.model.compile != "none":
            torch.compiler.reset()  # CUDA graphs have their own memory pools
        release_memory()
        halve(cfg, data)
        run.begin_again()


def came_of_memory(error: BaseException | None) -> bool:
    """Return whether an error or one in its context (as while a CUDA graph is recorded) is out of
    memory.
    """
    return error is not None and (
        is_out_of_memory(error) or came_of_memory(error.__cause__ or error.__context__)
    )


def release_memory() -> None:
    """Release the memory of a failed training."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def halve(cfg: DictConfig, data: "DataModule") -> None:
    """Halve the batch size, and double the accumulated batches so that a step keeps about as many
    samples.
    """
    before = data.loading["batch_size"]
    now = before // 2
    accumulated = round(before * cfg.trainer.accumulate_grad_batches / now)
    eval_now = data.loading["eval_batch_size"]
    data.loading["batch_size"] = now
    data.loading["eval_batch_size"] = None if eval_now is None else max(1, eval_now // 2)
    with open_dict(cfg):
        cfg.data.batch_size, cfg.trainer.accumulate_grad_batches = now, accumulated
    if is_first():
        say(
            f"out of memory at {before} samples a batch; continuing with {now}, the gradients of"
            f" {accumulated} accumulated a step"
        )
