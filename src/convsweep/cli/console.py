"""Terminal output of a training: plain lines that are written to the log file too."""

import logging
import warnings
from pathlib import Path

from rich.console import Console

console = Console(highlight=False)
log = logging.getLogger("convsweep")

# Warnings of Lightning and torch about intended settings.
HARMLESS = (
    ".*does not have many workers.*",
    ".*number of training batches.*",
    ".*Checkpoint directory.*exists.*",
    ".*LeafSpec.*",
    ".*`srun` command is available.*",
)


def say(text: str) -> None:
    """Print a line and write it to the log file."""
    if console.is_terminal:
        console.print(text, soft_wrap=True, markup=False)
    else:
        # not through rich, which takes a third of a millisecond a line
        print(text, file=console.file, flush=True)
    log.info(text)


def short_path(path: Path) -> str:
    """Return a path relative to the working folder if it lies below it, else unchanged."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def quiet_engines() -> None:
    """Silence start-up messages of Lightning and torch in the terminal; their warnings go to the
    log file.
    """
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in HARMLESS:
        warnings.filterwarnings("ignore", message)
    logging.captureWarnings(True)
    for handler in logging.getLogger().handlers:
        if not isinstance(handler, logging.FileHandler):
            handler.addFilter(is_no_warning_of_a_library)


def is_no_warning_of_a_library(record: logging.LogRecord) -> bool:
    """Return whether a log record is something other than a message of `warnings.warn`."""
    return record.name != "py.warnings"
