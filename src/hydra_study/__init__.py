"""An asynchronous, pruned, resumable Optuna search for Hydra applications: `hydra/sweeper=study`.

The public API is what is named here, and the modules `trial`, `kinds`, `attributes`, `intervals`
and, where Lightning is installed, `lightning`; everything else may change. A training needs only
`trial` or `lightning`: to report values, to be pruned, and to resume from a checkpoint. The rest
reads sweeps: their folders, their studies, and the outcomes of their trials.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hydra_study.attributes import kind_of as kind_of
    from hydra_study.display.preset import preset_of as preset_of
    from hydra_study.errors import FULL_ERROR as FULL_ERROR
    from hydra_study.errors import StudyError as StudyError
    from hydra_study.errors import wants_traceback as wants_traceback
    from hydra_study.kinds import is_out_of_memory as is_out_of_memory
    from hydra_study.kinds import kind_of_error as kind_of_error
    from hydra_study.kinds import telling_cause as telling_cause
    from hydra_study.paths import SweepPaths as SweepPaths
    from hydra_study.preview import Preview as Preview
    from hydra_study.primary_config import config_arguments as config_arguments
    from hydra_study.primary_config import config_dirs as config_dirs
    from hydra_study.processes.slots import count_slots as count_slots
    from hydra_study.processes.slots import usable_cores as usable_cores
    from hydra_study.space.parameters import override_text as override_text
    from hydra_study.storage.heartbeat import LivenessMonitor as LivenessMonitor
    from hydra_study.storage.locks import locked as locked
    from hydra_study.storage.locks import try_lock as try_lock
    from hydra_study.storage.locks import write_atomically as write_atomically
    from hydra_study.storage.storage import OpenStudy as OpenStudy
    from hydra_study.storage.storage import create_study as create_study
    from hydra_study.storage.storage import open_storage as open_storage
    from hydra_study.storage.sweep_folder import SweepFolder as SweepFolder
    from hydra_study.storage.sweep_folder import open_sweep_folder as open_sweep_folder
    from hydra_study.storage.sweep_folder import place_of_study as place_of_study
    from hydra_study.storage.sweep_folder import read_config as read_config
    from hydra_study.trial import Pruned as Pruned
    from hydra_study.trial import Stopped as Stopped
    from hydra_study.trial import TrialConnection as TrialConnection
    from hydra_study.trials.budget import is_charged as is_charged
    from hydra_study.trials.budget import tally as tally
    from hydra_study.trials.early_values import early_values as early_values
    from hydra_study.trials.early_values import rungs_of as rungs_of
    from hydra_study.trials.finalists import Finals as Finals
    from hydra_study.trials.finalists import FinalsDecision as FinalsDecision
    from hydra_study.trials.finalists import decide_finals as decide_finals
    from hydra_study.trials.ranking import rank_key as rank_key
    from hydra_study.trials.retry import fixed_params as fixed_params
    from hydra_study.trials.schedules import Promotion as Promotion

_MODULES = {
    "config_arguments": "primary_config",
    "config_dirs": "primary_config",
    "FULL_ERROR": "errors",
    "Finals": "trials.finalists",
    "FinalsDecision": "trials.finalists",
    "LivenessMonitor": "storage.heartbeat",
    "OpenStudy": "storage.storage",
    "Preview": "preview",
    "Promotion": "trials.schedules",
    "Pruned": "trial",
    "Stopped": "trial",
    "StudyError": "errors",
    "SweepFolder": "storage.sweep_folder",
    "SweepPaths": "paths",
    "TrialConnection": "trial",
    "count_slots": "processes.slots",
    "create_study": "storage.storage",
    "decide_finals": "trials.finalists",
    "early_values": "trials.early_values",
    "fixed_params": "trials.retry",
    "is_charged": "trials.budget",
    "is_out_of_memory": "kinds",
    "kind_of": "attributes",
    "kind_of_error": "kinds",
    "locked": "storage.locks",
    "open_storage": "storage.storage",
    "open_sweep_folder": "storage.sweep_folder",
    "override_text": "space.parameters",
    "place_of_study": "storage.sweep_folder",
    "preset_of": "display.preset",
    "rank_key": "trials.ranking",
    "read_config": "storage.sweep_folder",
    "rungs_of": "trials.early_values",
    "tally": "trials.budget",
    "telling_cause": "kinds",
    "try_lock": "storage.locks",
    "usable_cores": "processes.slots",
    "wants_traceback": "errors",
    "write_atomically": "storage.locks",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that applications start without Optuna."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
