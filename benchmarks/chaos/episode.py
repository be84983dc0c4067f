"""Run one sweep under faults: start, disturb and restart it until its total is reached."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from application import Application
from judge import Violation, best_is_right, judge, read_study
from plan import Plan, Planned
from postgres import Postgres
from processes import MARK, end_all, roles, send, wait_for_end

_PATIENCE_AT_END_S = 30.0
_MOST_STARTS = 40
# Message of a start on a full disk, which is refused.
_REFUSED = "is full; free some and start again"

# Faults that are transient or affect only a trial: the sweep must survive them without a restart.
_PASSES = (
    "SIGSTOP",
    "second",
    "clock",
    "full disk",
    "PostgreSQL",
    "W&B",
    "SIGKILL trial",
    "SIGTERM trial",
)


class Episode:
    """One sweep under faults.

    Args:
        app: The application; its files are not yet written.
        plan: Settings and faults.
        rng: Random generator for further draws.
        server: The database server, if the study is in one.
        stale_after: Seconds after which another machine's silent worker is dead.
        patience_s: Seconds without progress after which a sweep has hung.
    """

    def __init__(
        self,
        app: Application,
        plan: Plan,
        rng: random.Random,
        server: Postgres | None,
        stale_after: float,
        patience_s: float,
    ) -> None:
        self.app, self.plan, self.rng, self.server = app, plan, rng, server
        self.stale_after, self.patience_s = stale_after, patience_s
        self.mark = app.folder.name + "-" + os.urandom(4).hex()
        self.thrown: Counter[str] = Counter()
        self.violations: list[Violation] = []
        self.log: list[str] = []
        self._heads: list[subprocess.Popen[bytes]] = []
        self._waiting = list(plan.faults)
        self._since_start: list[str] = []  # faults
        self._lines_before = self._lines_at_start = 0
        self._last_struck = 0.0
        self._mounted = False
        self._began = time.monotonic()

    def run(self) -> None:
        """Run the sweep to its total and check it."""
        try:
            self._prepare()
            if self._reach_the_total():
                self._judge()
        finally:
            self.close()

    def close(self) -> None:
        """Kill all processes, and unmount the disk."""
        for head in self._heads:
            send_group(head, signal.SIGKILL)
        end_all(self.mark)
        for head in self._heads:
            head.wait(timeout=60)
        if self._mounted:
            self._unmount()

    def _say(self, text: str) -> None:
        self.log.append(f"{time.monotonic() - self._began:7.2f} s  {text}")

    def _prepare(self) -> None:
        self.app.write(self.plan.slots, self.plan.workers, self.stale_after)
        if self.plan.on_small_disk:
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(self.app.sweep)], check=True
            )
            self._mounted = True

    def _unmount(self) -> None:
        kept = self.app.folder / "kept"
        shutil.copytree(self.app.sweep, kept, dirs_exist_ok=True)
        subprocess.run(["umount", str(self.app.sweep)], check=True)
        shutil.copytree(kept, self.app.sweep, dirs_exist_ok=True)
        shutil.rmtree(kept)
        self._mounted = False

    def _start(self, *arguments: str, machine: int = 0) -> subprocess.Popen[bytes]:
        folder = self.app.folder
        environment = {
            **os.environ,
            MARK: self.mark,
            "PYTHONPATH": str(folder),
            "TMPDIR": str(folder / "tmp"),
            "OMP_NUM_THREADS": "1",
            "CHAOS_MACHINE": f"machine{machine}",
            "CHAOS_CLOCK": str(folder / "clock"),
            **self._own_environment(),
        }
        with (folder / "output.log").open("ab") as output:
            head = subprocess.Popen(
                [sys.executable, *self._command(), *arguments],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._say(f"head {head.pid} starts on machine {machine} {' '.join(arguments)}")
        return head

    def _own_environment(self) -> dict[str, str]:
        """Return additional environment variables of the sweep."""
        return {}

    def _command(self) -> list[str]:
        """Return the command that starts and continues the sweep."""
        return ["app.py", "-m", *(["hydra/launcher=joblib"] if self.plan.workers > 1 else [])]

    def _reach_the_total(self) -> bool:
        """Run the command until the sweep is finished; return whether it ever is."""
        hung = 0
        for _ in range(_MOST_STARTS):
            self._since_start = []
            output = self.app.folder / "output.log"
            said_before = output.stat().st_size if output.is_file() else 0
            self._heads = [self._start()]
            self._last_struck, self._lines_before = time.monotonic(), self._count_lines()
            self._lines_at_start = self._lines_before
            if not self._watch():
                hung += 1
                if hung == 2:
                    return False
                continue
            codes = [head.returncode for head in self._heads]
            self._say(f"heads ended with {codes}")
            outlived = all(fault.startswith(_PASSES) for fault in self._since_start)
            said = (
                (self.app.folder / "output.log").read_bytes()[said_before:].decode(errors="replace")
            )
            if outlived and any(codes) and _REFUSED not in said:
                self._violate(
                    "gave up",
                    f"codes {codes} after {self._since_start or 'nothing'}: ...{said[-300:]}",
                )
            # what a killed head leaves, the next start removes
            if codes[0] == 0 and all(code >= 0 for code in codes):
                return True
        self._violate("missed", f"not done after {_MOST_STARTS} starts")
        return False

    def _watch(self) -> bool:
        """Inject faults while a head runs; return False if the sweep hangs."""
        seen, moved = -1, time.monotonic()
        while any(head.poll() is None for head in self._heads):
            lines = self._count_lines()
            if lines != seen:
                seen, moved = lines, time.monotonic()
            if time.monotonic() - moved > self.patience_s:
                self._violate(
                    "hung",
                    f"no progress for {self.patience_s:g} s after {self._since_start or 'nothing'}",
                )
                self._kill_all()
                return False
            if self._waiting and self._is_due(self._waiting[0], lines):
                fault = self._waiting.pop(0)
                self._strike(fault)
                self._last_struck, self._lines_before = time.monotonic(), self._count_lines()
                moved = time.monotonic()
            time.sleep(0.05)
        return True

    def _is_due(self, fault: Planned, lines: int) -> bool:
        since = time.monotonic() - self._last_struck
        if fault.at_start:
            return since >= fault.after_s
        return (
            lines - self._lines_before >= fault.after_lines and since >= fault.after_s
        ) or since > 20

    def _count_lines(self) -> int:
        return (self.app.folder / "ledger.jsonl").read_bytes().count(b"\n")

    def _violate(self, count: str, detail: str) -> None:
        self.violations.append(Violation(count, detail))
        self._say(f"VIOLATION {count}: {detail}")

    def _kill_all(self) -> None:
        end_all(self.mark)
        for head in self._heads:
            head.wait(timeout=60)

    def _strike(self, fault: Planned) -> None:
        """Inject one fault; it does not count without a target."""
        word, _, role = fault.what.partition(" ")
        if word in ("SIGKILL", "SIGTERM", "SIGINT", "SIGSTOP"):
            hit = self._signal(getattr(signal, word), role, fault)
        else:
            strikes = {
                "power cut": self._cut_power,
                "torn journal": self._tear_journal,
                "second head": self._second_head,
                "second folder": self._second_folder,
                "clock jump": self._jump,
                "full disk": self._fill_disk,
                "PostgreSQL restarted": self._without_database,
                "PostgreSQL gone": self._without_database,
                "W&B gone": self._without_wandb,
            }
            hit = strikes[fault.what](fault)
        if hit:
            self.thrown[fault.what] += 1
            self._since_start.append(fault.what)

    def _trial_processes(self) -> set[int]:
        """Return the processes of all trials so far."""
        return {line["pid"] for line in self.app.ledger() if line["say"] == "begin"}

    def _signal(self, signum: int, role: str, fault: Planned) -> bool:
        heads = [head.pid for head in self._heads if head.poll() is None]
        processes = roles(self.mark, heads, self._trial_processes())
        found = getattr(processes, role.replace(" ", "_"))
        if not found:
            return False
        pid = found[int(fault.aim * len(found))]
        if not send(pid, signum):
            return False
        self._say(f"{signal.Signals(signum).name} to {role} {pid}")
        if signum == signal.SIGSTOP:
            time.sleep(fault.length_s)
            send(pid, signal.SIGCONT)
            self._say(f"SIGCONT to {role} {pid}")
        return True

    def _cut_power(self, fault: Planned) -> bool:
        """Kill all processes at once."""
        self._say("power cut")
        self._kill_all()
        return True

    def _tear_journal(self, fault: Planned) -> bool:
        """Kill all processes, and append half of a line to the journal."""
        journal = self.app.sweep / "study.journal"
        if not journal.is_file() or not journal.stat().st_size:
            return False
        self._kill_all()
        lines = journal.read_bytes().splitlines(keepends=True)
        line = lines[int(fault.aim * len(lines))]
        with journal.open("ab") as file:
            file.write(line[: max(1, int(fault.aim * (len(line) - 1)))])
        self._say("journal torn")
        return True

    def _second_head(self, fault: Planned) -> bool:
        """Start the same command once more, on the same machine or another one."""
        if len(self._heads) > 2:
            return False
        self._heads.append(self._start(machine=len(self._heads) if fault.aim < 0.7 else 0))
        return True

    def _second_folder(self, fault: Planned) -> bool:
        """Start the same study in another folder, which must be refused."""
        other = self.app.folder / "elsewhere"
        journal = self.app.sweep / "study.journal"
        if not self._count_lines():
            return False  # the study may not exist yet, and would be created in the other folder
        storage = [] if self.app.storage is not None else [f"hydra.sweeper.storage={journal}"]
        head = self._start(f"hydra.sweep.dir={other}", *storage)
        self._heads.append(head)
        with contextlib.suppress(subprocess.TimeoutExpired):
            head.wait(timeout=self.patience_s)
        code = head.poll()
        if code is None:
            send_group(head, signal.SIGKILL)
            head.wait()
        self._heads.remove(head)
        trained = sorted(path.name for path in other.glob("[0-9]*")) if other.is_dir() else []
        if code != 1 or trained:
            self._violate("second folder", f"it ended with {code} and has the trials {trained}")
        return True

    def _jump(self, fault: Planned) -> bool:
        """Move the wall clock by hours."""
        hours = 24 * (fault.aim - 0.5)
        fresh = self.app.folder / "clock.fresh"
        fresh.write_text(str(3600 * hours))
        fresh.replace(self.app.folder / "clock")
        self._say(f"the clock jumps to {hours:+.1f} h")
        return True

    def _fill_disk(self, fault: Planned) -> bool:
        """Fill the disk of the sweep's folder for some seconds."""
        if not self._mounted or self._count_lines() == self._lines_at_start:
            return False  # a start on a full disk is refused
        ballast = self.app.sweep / "ballast"
        self._say("disk full")
        end = time.monotonic() + fault.length_s
        try:
            with ballast.open("ab", buffering=0) as file:
                # repeatedly, since replaced files free some space
                while time.monotonic() < end:
                    with contextlib.suppress(OSError):
                        while True:
                            file.write(b"\0" * 4096)
                    time.sleep(0.05)
        finally:
            ballast.unlink(missing_ok=True)
        self._say("disk free")
        return True

    def _without_database(self, fault: Planned) -> bool:
        """Crash the database server, and start it again at once or after a while."""
        assert self.server is not None
        self._say(fault.what)
        self.server.stop()
        if fault.what == "PostgreSQL gone":
            time.sleep(fault.length_s)
        self.server.start()
        self._say("PostgreSQL is back")
        return True

    def _without_wandb(self, fault: Planned) -> bool:
        """Stop the W&B server for a while, if there is one."""
        return False

    def _judge_processes(self) -> None:
        for process in wait_for_end(self.mark, _PATIENCE_AT_END_S):
            self._violate("left", f"a process: {process.command[:120]}")
        end_all(self.mark)

    def _judge(self) -> None:
        self._judge_processes()
        for violation in judge(self.app):
            self._violate(violation.count, violation.detail)
        if not best_is_right(self.app, read_study(self.app)):
            self._violate("differ", "best.yaml does not name the best trial")
        for line in self.app.ledger():
            if line["say"] == "fate":
                self.thrown[line["fate"]] += 1


def send_group(process: "subprocess.Popen[bytes]", signum: int) -> None:
    """Send a signal to the group of a process that leads it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signum)


def keep(folder: Path, text: str) -> None:
    """Write the log into the folder of a sweep."""
    (folder / "what_happened.txt").write_text(text)
