"""Start of W&B runs, online if possible, else offline, with the id recorded in the run folder."""

import contextlib
import json
import logging
import os
import shlex
import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from convsweep.cli.console import short_path
from convsweep.patches import use
from convsweep.patches.wandb import MEDIA_FOLDER
from convsweep.tracking.wandb.mode import AskedMode, choose_mode, one_line
from hydra_study import trial

log = logging.getLogger(__name__)

RUN_FILE = "wandb.json"
# After the timeout that W&B was given.
STUCK_AFTER_S = 5.0
STEP, EPOCH = "trainer/global_step", "epoch"


def run_settings(
    init_timeout_s: float = 20.0,
    finish_timeout_s: float = 60.0,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the `wandb.Settings` of a run that prints nothing and has finite timeouts.

    Args:
        init_timeout_s: seconds to wait for the server before going offline.
        finish_timeout_s: seconds to wait for the upload at the end.
        settings: further settings, which take precedence.
    """
    return {
        "silent": True,
        "console": "off",
        "init_timeout": init_timeout_s,
        "finish_timeout": finish_timeout_s,
        "finish_timeout_raises": True,
        **(settings or {}),
    }


def start_run(
    folder: Path, mode: AskedMode, arguments: Mapping[str, Any], settings: Mapping[str, Any]
) -> Any:
    """Return a new run of this process alone, or None if W&B is disabled.

    Args:
        folder: the run folder, for `wandb.json`.
        arguments: of `wandb.init`.
        settings: of `wandb.Settings`.

    Raises:
        Exception: any error of `wandb.init`, such as a damaged installation or a full disk.
    """
    # Error reports would make wandb-core wait 20 s at the end of the process if a firewall blocks
    # them.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    word, reason = choose_mode(mode)
    if word == "disabled":
        log.info("W&B: none (%s)", reason)
        return None
    if trial.in_trial():
        use(MEDIA_FOLDER)
    run = None
    if word == "online":
        try:
            run = _init("online", arguments, settings)
        except Exception as problem:
            reason = one_line(problem)
    run = run or _init("offline", arguments, settings)
    _define_axes(run)
    _write_run_file(folder, run)
    log.info(
        "W&B: %s",
        f"offline ({reason}); to upload: {sync_command(run, folder)}" if run.offline else run.url,
    )
    return run


def read_run_file(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return {id, url, dir, parts, mode, project, entity, group} of the W&B run of a run folder;
    empty without one.

    `dir` is the folder that the last start wrote to, `parts` those of all starts, relative to the
    run folder.
    """
    try:
        record = json.loads((Path(folder) / RUN_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def finish_run(run: Any, exit_code: int, timeout_s: float) -> None:
    """Finish `run`, even if wandb-core hangs and ignores its own timeout.

    Raises:
        TimeoutError: the upload did not finish in time; the data is still on disk.
        Exception: any other error of `run.finish`.
    """
    problems: list[Exception] = []

    def finish() -> None:
        try:
            run.finish(exit_code)
        except Exception as problem:
            problems.append(problem)

    thread = threading.Thread(target=finish, daemon=True)
    thread.start()
    thread.join(timeout_s + STUCK_AFTER_S)
    if thread.is_alive():
        kill_service()
        forget_service()
        raise TimeoutError(f"no answer from wandb-core for {timeout_s + STUCK_AFTER_S:g} s")
    for problem in problems:
        raise problem


def forget_service() -> None:
    """End the wandb-core process of this process, or forget one that has ended, so that the next
    run starts a new one and exit is quiet.

    If it does not end within `STUCK_AFTER_S` seconds it is killed, if it can be found.
    """
    left = service_processes()
    thread = threading.Thread(target=_tear_down, daemon=True)
    thread.start()
    thread.join(STUCK_AFTER_S)
    kill_service(left)  # wandb waits only for a process that answers


def _tear_down() -> None:
    import wandb

    with contextlib.suppress(Exception, SystemExit):
        wandb.teardown()


def kill_service(processes: Sequence[int] | None = None) -> None:
    """Kill the wandb-core processes that this process started, for which wandb would wait at
    exit.
    """
    for process in service_processes() if processes is None else processes:
        with contextlib.suppress(OSError):  # already reaped
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def service_processes() -> list[int]:
    """Return the ids of the wandb-core processes that this process started, including zombies.

    Read from /proc, since wandb has no API for it. On other systems none is found, and a hanging
    process outlives the program.
    """
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            start, _, rest = status.read_text().rpartition(")")
            if start.endswith("(wandb-core") and int(rest.split()[1]) == os.getpid():
                found.append(int(status.parent.name))
    return found


def sync_command(run: Any, folder: Path) -> str:
    """Return the command that uploads the rest of `run`."""
    return upload_command(folder, read_run_file(folder) or {"dir": _sync_dir(run)})


def upload_command(folder: Path, record: Mapping[str, Any]) -> str:
    """Return the command that uploads the rest of a run, for all its starts.

    Args:
        folder: the run folder.
        record: returned by `read_run_file`.
    """
    parts = [part for part in _parts(record) if (folder / part).is_dir()] or [record["dir"]]
    is_offline = all(Path(part).name.startswith("offline-") for part in parts)
    paths = [short_path(Path(os.path.normpath(folder / part))) for part in parts]
    return shlex.join(["wandb", "sync", *([] if is_offline else ["--no-skip-online"]), *paths])


def _sync_dir(run: Any) -> Path:
    return Path(run.dir).parent


def _init(
    mode: Literal["online", "offline"], arguments: Mapping[str, Any], settings: Mapping[str, Any]
) -> Any:
    import wandb

    return wandb.init(
        **{
            **{name: value for name, value in arguments.items() if value is not None},
            "mode": mode,
            "resume": "allow" if mode == "online" else None,
            # A run that other code left open in this process, or in the parent that it was forked
            # from, is not touched.
            "reinit": "create_new",
            "settings": wandb.Settings(**settings),
        }
    )


def _define_axes(run: Any) -> None:
    run.define_metric(STEP)
    run.define_metric(EPOCH)
    run.define_metric("*", step_metric=STEP, step_sync=True)
    for phase in ("val", "test", "predictions", "confusion_matrix", "recordings", "spectrograms"):
        run.define_metric(f"{phase}/*", step_metric=EPOCH, step_sync=True)


def take_over_run_file(source: Path, folder: Path) -> None:
    """Continue the W&B run of a run folder in another one."""
    record = read_run_file(source)
    if record:
        moved = [os.path.relpath(source / part, folder) for part in _parts(record)]
        places = {"dir": moved[-1], "parts": moved}
        (folder / RUN_FILE).write_text(json.dumps(record | places, indent=2) + "\n")


def _parts(record: Mapping[str, Any]) -> list[str]:
    return record.get("parts") or [record["dir"]]


def _write_run_file(folder: Path, run: Any) -> None:
    part, former = os.path.relpath(_sync_dir(run), folder), read_run_file(folder)
    record = {
        "id": run.id,
        "url": None if run.offline else run.url,
        "dir": part,
        "parts": [*(_parts(former) if former.get("id") == run.id else []), part],
        "mode": "offline" if run.offline else "online",
        "project": run.project,
        "entity": run.entity or None,
        "group": run.group or None,
    }
    try:
        (folder / RUN_FILE).write_text(json.dumps(record, indent=2) + "\n")
    except OSError as problem:
        log.warning(
            "%s is not written: %s. A resumed training will be a new W&B run.",
            folder / RUN_FILE,
            problem,
        )
