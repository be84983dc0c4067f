"""The teacher of a distillation: a trained network of the same classes and input."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from omegaconf import DictConfig

from convsweep.cli.console import say, short_path
from convsweep.distributed.ranks import is_first
from convsweep.errors import UserError
from convsweep.models.distillation import Distillation, Teacher
from convsweep.nets.geometry import shape_text
from convsweep.training.build import load_model, plain_errors
from convsweep.training.trained import checkpoint_of

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule
    from convsweep.models.base import Model


def load_teacher(cfg: DictConfig, data: "DataModule") -> Teacher | None:
    """Return the teacher that a config names, None if it names none; random numbers are drawn as
    without it.

    Args:
        cfg: `teacher` is a checkpoint, the folder of a run, or that of a sweep (its winner).
        data: of the student, set up.

    Raises:
        UserError: the checkpoint is missing, or was trained for other classes or other samples.
    """
    if cfg.get("teacher") is None:
        return None
    with plain_errors("distillation"):
        options = Distillation(**cfg.distillation)
    checkpoint = checkpoint_of(Path(str(cfg.teacher)).expanduser())
    with torch.random.fork_rng(devices=[]):
        model = load_model(checkpoint)
    check_teacher(model, data, checkpoint)
    if is_first():
        say(f"learning from {short_path(checkpoint.absolute())}")
    return Teacher(model, options)


def check_teacher(model: "Model", data: "DataModule", checkpoint: Path) -> None:
    """Check that a trained model can teach a student on other data.

    Raises:
        UserError: tasks, classes or samples differ, or there are no classes.
    """
    info, theirs = data.info, model.info
    if not info.kind.has_classes:
        raise UserError(
            "a teacher needs one class a sample or position, which the task"
            f" {info.task} does not have; set teacher=null"
        )
    own_data = model.metadata["data"]
    facts = {
        "task": (info.task, theirs.task),
        "classes": (", ".join(info.class_names), ", ".join(theirs.class_names)),
        "input": (shape_text(info.in_shape), shape_text(theirs.in_shape)),
        "numbers in samples": (str(data.train.x.dtype), model.metadata["dtype"]),
        "permute": (data.loading["permute"], bool(own_data.get("permute", False))),
    }
    for name, (wanted, found) in facts.items():
        if wanted != found:
            raise UserError(
                f"the teacher must have the student's {name}, {wanted}, but {checkpoint} has"
                f" {found}; name a network that was trained on such data"
            )
