"""Reading of the data that a plan is for: decides size, split and patch, and looks at it."""

from typing import TYPE_CHECKING

from hydra.utils import get_object
from omegaconf import DictConfig

from convsweep.data.files.audio import audio_files
from convsweep.data.files.fingerprints import own_folder
from convsweep.errors import UserError
from convsweep.planning.decisions import GIVEN, Decision, Decisions
from convsweep.planning.given import Given
from convsweep.planning.look.image_files import (
    ImageFile,
    brightest_value,
    folders_named,
    image_headers,
)
from convsweep.planning.look.legend import Legend
from convsweep.planning.look.look import Look, look_at
from convsweep.planning.look.volume_headers import volume_headers
from convsweep.planning.rules.masks import decide_classes
from convsweep.planning.rules.network import decide_task
from convsweep.planning.rules.size import (
    decide_patch,
    decide_sample_rate,
    decide_size,
    decide_spacing,
    decide_white,
)
from convsweep.planning.rules.split import decide_fold, decide_split
from convsweep.training import build

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule


def make_look(given: Given) -> "tuple[Decisions, Look, DataModule]":
    """Look at the data of a command line.

    Returns:
        The decisions on which the reading depends, the look, and the data, set up.

    Raises:
        UserError: there is no such data, or too little of it.
    """
    if not given.has("data"):
        raise UserError("a plan needs data; name it, as in data=image_folder data.root=photos")
    decisions = Decisions(given)
    headers, legend = decide_decoding(decisions)
    data = decide_parts(decisions)
    data.setup("fit")
    return decisions, look_at(data, headers, legend), data


def decide_decoding(decisions: Decisions) -> tuple[list[ImageFile], Legend | None]:
    """Decide how the user's own files become samples, and return the headers of image files and the
    values in masks.
    """
    cfg = decisions.given.compose()
    root = own_folder(cfg.data)
    if root is None:
        return [], None
    headers, legend = list[ImageFile](), None
    if root.is_dir():
        if "image_size" in cfg.data:
            images = cfg.data.get("images")
            folders = [root] if images is None else folders_named(root, str(images))
            headers = image_headers(folders, root)
            decide_size(decisions, headers, "masks" in cfg.data, "crop_size" in cfg.data)
            brightest = brightest_value(headers, root)
            if brightest is not None:
                decide_white(decisions, brightest)
        if "sample_rate_hz" in cfg.data:
            decide_sample_rate(decisions, audio_files(root), int(cfg.data.sample_rate_hz))
        legend = decide_classes(decisions, dict(cfg.data), root)
    own = own_key(cfg)
    decisions.made[own] = Decision(own, str(root.absolute()), GIVEN, is_given=True)
    return headers, legend


def decide_parts(decisions: Decisions) -> "DataModule":
    """Decide the task, the parts, and spacing and crops of volumes, and return the data."""

    def compose() -> DictConfig:
        return decisions.given.compose(decisions.overrides())

    decide_fold(decisions)  # data with folds that were given is not built without one
    data = build.data_module(compose().data)
    decide_task(decisions, data.info.task)
    decide_split(decisions, data, data.read_parts())
    stored = volume_headers(data)
    if stored is not None:
        decide_spacing(decisions, stored)
        resampled = volume_headers(build.data_module(compose().data))
        assert resampled is not None
        decide_patch(decisions, resampled)
    return build.build_data(compose())


def own_key(cfg: DictConfig) -> str:
    """Return the key that names the user's own files."""
    return f"data.{get_object(str(cfg.data._target_)).own_files}"
