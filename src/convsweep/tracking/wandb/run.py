"""Start a W&B run, online if possible and offline otherwise, and note its id in the run folder."""

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
from convsweep.tracking.wandb.mode import AskedMode, choose_mode, one_line

log = logging.getLogger(__name__)

RUN_FILE = "wandb.json"
STUCK_AFTER_S = 5.0
STEP, EPOCH = "trainer/global_step", "epoch"


def run_settings(
    init_timeout_s: float = 20.0,
    finish_timeout_s: float = 60.0,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the `wandb.Settings` of a run that says nothing in the terminal and is not waited for
    without end.

    Args:
        init_timeout_s: wait so long for the server before going offline.
        finish_timeout_s: wait so long for the upload at the end.
        settings: further ones, which win.
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
    """Return a new run of this process alone, or None where W&B is switched off.

    Args:
        folder: where `wandb.json` goes.
        arguments: of `wandb.init`.
        settings: of `wandb.Settings`.

    Raises:
        Exception: whatever a damaged wandb installation or a full disk makes `wandb.init` raise.
    """
    # With error reports on, wandb-core waits 20 s at the end of the process where a firewall blocks
    # them.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    word, reason = choose_mode(mode)
    if word == "disabled":
        log.info("W&B: none (%s)", reason)
        return None
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
    empty if it has none.

    `dir` is where its last start wrote, `parts` where each of them did, relative to the run folder.
    """
    try:
        record = json.loads((Path(folder) / RUN_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def finish_run(run: Any, exit_code: int, timeout_s: float) -> None:
    """Finish `run`, even if wandb-core is stuck and never minds its own timeout.

    Raises:
        TimeoutError: not everything was uploaded in time; it is still on disk.
        Exception: whatever else made `run.finish` fail.
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
    """End the wandb-core process of this process, or let go of a dead one: the next run gets a new
    one, and exit is quiet.

    One that does not end within `STUCK_AFTER_S` is killed, where it can be found.
    """
    left = service_processes()
    thread = threading.Thread(target=_tear_down, daemon=True)
    thread.start()
    thread.join(STUCK_AFTER_S)
    kill_service(left)  # wandb waits for one that still answers only


def _tear_down() -> None:
    import wandb

    with contextlib.suppress(Exception, SystemExit):
        wandb.teardown()


def kill_service(processes: Sequence[int] | None = None) -> None:
    """Kill the wandb-core processes that this process started; wandb would wait for them at
    exit.
    """
    for process in service_processes() if processes is None else processes:
        with contextlib.suppress(OSError):  # it has been waited for
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def service_processes() -> list[int]:
    """Return the ids of the wandb-core processes that this process started, ended ones that nobody
    waited for among them.

    W&B has no word for it; Linux lists them. Elsewhere none is found, and one that hangs stays when
    the program ends.
    """
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            start, _, rest = status.read_text().rpartition(")")
            if start.endswith("(wandb-core") and int(rest.split()[1]) == os.getpid():
                found.append(int(status.parent.name))
    return found


def sync_command(run: Any, folder: Path) -> str:
    """Return the command that uploads what the server does not have of `run`."""
    return upload_command(folder, read_run_file(folder) or {"dir": _sync_dir(run)})


def upload_command(folder: Path, record: Mapping[str, Any]) -> str:
    """Return the command that uploads what the server does not have of a run, of all its starts.

    Args:
        folder: the run folder.
        record: what `read_run_file` says of it.
    """
    parts = [part for part in _parts(record) if (folder / part).is_dir()] or [record["dir"]]
    online = (
        "" if all(Path(part).name.startswith("offline-") for part in parts) else "--no-skip-online "
    )
    return (
        "wandb sync"
        f" {online}{shlex.join(short_path(Path(os.path.normpath(folder / part))) for part in parts)}"  # noqa: E501
    )


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
            # A run that somebody else left open in this process, or in the parent this was forked
            # from, stays theirs.
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
    """Let the W&B run of a run folder go on in another one."""
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
