"""A patch of wandb: a separate folder for the media of each forked process."""

import tempfile

from convsweep.patches.patch import Patch, resolve

FOLDER = "wandb.sdk.data_types._private:MEDIA_TMP"


def make_folder() -> None:
    """Let wandb write media to a new temporary folder, which it removes at exit as the first."""
    resolve(FOLDER).name = tempfile.mkdtemp(suffix="wandb-media")


MEDIA_FOLDER = Patch(
    name="wandb_media_folder",
    what="Gives the images, tables and HTML of a trial a temporary folder of their own",
    why="bug",
    reason=(
        "wandb makes the folder when it is imported and removes it at exit, so that the first trial"
        " to end removes it for all that were forked from the same process"
    ),
    tested={"wandb": ">=0.27,<0.32"},
    check=lambda: isinstance(resolve(FOLDER), tempfile.TemporaryDirectory),
    apply=make_folder,
    without="only the first trial of a worker has images, tables and its architecture in W&B",
)

PATCHES = (MEDIA_FOLDER,)
