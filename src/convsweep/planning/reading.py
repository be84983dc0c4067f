"""Reading of the data that a plan is for: decides size, split and patch, and looks at it."""

from typing import TYPE_CHECKING

from hydra.utils import get_object
from omegaconf import DictConfig

from convsweep.data.files.fingerprints import own_folder
from convsweep.errors import UserError
from convsweep.planning.decisions import GIVEN, Decision, Decisions
from convsweep.planning.given import Given
from convsweep.planning.look.image_files import ImageFile, image_headers
from convsweep.planning.look.look import Look, look_at, spacings
from convsweep.planning.rules.masks import decide_classes
from convsweep.planning.rules.network import decide_task
from convsweep.planning.rules.size import decide_patch, decide_size, decide_spacing
from convsweep.planning.rules.split import decide_split
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
    decisions = Decisions(given)
    data, headers = prepare_data(decisions)
    return decisions, look_at(data, headers), data


def prepare_data(decisions: Decisions) -> "tuple[DataModule, list[ImageFile]]":
    """Decide what is read and how it is split, and return the data, set up."""
    given = decisions.given
    if not given.has("data"):
        raise UserError("a plan needs data; name it, as in data=image_folder data.root=photos")
    cfg = given.compose()
    root = own_folder(cfg.data)
    headers: list[ImageFile] = []
    if root is not None and root.is_dir() and "image_size" in cfg.data:
        images = root / str(cfg.data.get("images", ""))
        headers = image_headers([images if images.is_dir() else root], root)
        decide_size(decisions, headers, "masks" in cfg.data)
    if root is not None and root.is_dir():
        decide_classes(decisions, dict(cfg.data), root)
    if root is not None:
        own = own_key(cfg)
        decisions.made[own] = Decision(own, str(root.absolute()), GIVEN, is_given=True)
    data = build.data_module(given.compose(decisions.overrides()).data)
    decide_task(decisions, data.info.task)
    decide_split(decisions, data, data.read_parts())
    decide_spacing(decisions, spacings(data))
    decide_patch(decisions, data)
    data = build.build_data(given.compose(decisions.overrides()))
    data.setup("fit")
    return data, headers


def own_key(cfg: DictConfig) -> str:
    """Return the key that names the user's own files."""
    return f"data.{get_object(str(cfg.data._target_)).own_files}"
