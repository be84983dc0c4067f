"""The stages one after the other, from where an earlier start has come to."""

import shlex
import signal
import time
from collections.abc import Callable

from convsweep.auto.card import write_card
from convsweep.auto.commands.arguments import LeftOutError
from convsweep.auto.commands.beginning import PLANNED, limits_of_plan
from convsweep.auto.context import StageContext
from convsweep.auto.files import SPACE, WINNER, Files
from convsweep.auto.process import Execute, InterruptedStageError, ReportedError
from convsweep.auto.progress import (
    Progress,
    left_text,
    score_text,
    text_to_beat,
    validation_command,
)
from convsweep.auto.request import key_of
from convsweep.auto.stages import STAGES, AutoStage
from convsweep.auto.state import ENDED, StageState, State, check_same_data
from convsweep.auto.summary import summary_lines, unused_text, used_energy
from convsweep.auto.table import dry_run, print_stages
from convsweep.cli.console import say, short_path
from convsweep.cli.duration import duration_text
from convsweep.cli.shell_command import shell_command
from convsweep.errors import UserError
from convsweep.planning.energy_meter import EnergyMeter

COMMANDS = "commands.txt"
# Exit code of a command that has reported a mistake of the user.
MISTAKE = 1
# Between two writes of state.json, which a killed run loses at most.
SAVE_EVERY_S = 1.0
Fingerprint = Callable[[list[str]], dict[str, str]]


class AutoRun:
    """One start.

    Args:
        context: what is asked for, and how far it has come.
        execute: runs a command.
        fingerprint: of the data, by the overrides.
        meter: of the energy that this machine uses.
    """

    def __init__(
        self,
        context: StageContext,
        execute: Execute,
        fingerprint: Fingerprint,
        meter: EnergyMeter,
    ) -> None:
        self.context = context
        self._execute = execute
        self._fingerprint = fingerprint
        self._meter = meter
        self._before, self._began = context.state.seconds, time.monotonic()
        self._joules_before = context.state.joules
        context.state.counters = str(meter)

    @property
    def state(self) -> State:
        """How far it has come."""
        return self.context.state

    def go(self) -> int:
        """Run all stages that are left."""
        for stage in STAGES:
            self.state.stages.setdefault(stage.name, StageState())
        self.state.take_limits(self.context.request.limits)
        self.plan_again()
        self.check_data()
        self.say_place()
        for number, stage in enumerate(STAGES, 1):
            self.count()
            if number == 2 and self.context.request.dry_run:
                print_stages(self.context)
                return dry_run(self.context, self._execute)
            if self.state.stages[stage.name].status in ENDED:
                continue
            if number == 2:
                print_stages(self.context)
            try:
                self.go_through(stage, number)
            except InterruptedStageError as error:
                return self.stop(int(error.args[0]))
        print_summary(self.context)
        return 0

    def say_place(self) -> None:
        """Print how far an earlier start has come, if there was one."""
        count = sum(each.status in ENDED for each in self.state.stages.values())
        if self.state.seconds:
            say(
                f"going on in {short_path(self.context.folder)}: {count} of {len(STAGES)} stages"
                f" are done, {duration_text(self.state.seconds)} spent"
            )

    def plan_again(self) -> None:
        """Open the plan again if it was made by other limits; if the baseline has begun, say that
        it stays.
        """
        own, baseline = (self.state.stages[stage.name] for stage in STAGES[:2])
        then = [word for word in own.command if key_of(word) in PLANNED]
        if own.status != "done" or then == limits_of_plan(self.context.request):
            return
        if baseline.starts:
            say(
                "the plan stays that of the former limits, since its baseline has begun; what is"
                " left is shared out by the new ones"
            )
        else:
            own.status, own.command = "open", []

    def check_data(self) -> None:
        """Check that the data is what the plan was made for, if there is a plan.

        Raises:
            UserError: it is not.
        """
        if self.state.stages["plan"].status == "done":
            now = self._fingerprint(self.context.request.overrides)
            then = self.context.files.plan.get("data_fingerprint") or {}
            check_same_data(then, now, self.context.folder)

    def go_through(self, stage: AutoStage, number: int) -> None:
        """Run a stage, or leave it out."""
        own = self.state.stages[stage.name]
        self.save()
        # of files that the stage before has written
        self.context = StageContext(self.context.request, self.context.folder, self.state)
        left = left_text(self.context)
        say(f"\n{number}/{len(STAGES)} {stage.name}: {stage.purpose}{left and f'; {left}'}")
        if stage.command is None:
            self.finish_with_card(own)
            return
        try:
            # a search goes on with the time that it was given
            own.command = own.command or self.command_of(stage)
        except LeftOutError as reason:
            own.status, own.note = "left_out", str(reason)
            say(f"left out: {reason}")
            self.save()
            return
        if stage.name == SPACE:
            say(text_to_beat(self.context))
        self.run_command(stage, own)
        self.context = StageContext(self.context.request, self.context.folder, self.state)
        self.save()
        result = score_text(stage.name, self.context)
        say(f"{stage.name} took {duration_text(own.seconds)}{f': {result}' if result else ''}")

    def command_of(self, stage: AutoStage) -> list[str]:
        """Return the command of a stage; before the search, evaluate the baseline.

        Raises:
            LeftOutError: the stage is left out.
        """
        assert stage.command is not None
        command = stage.command(self.context)
        evaluate = validation_command(self.context) if stage.name == SPACE else []
        if not evaluate:
            return command
        self.say_command("baseline on the validation part", evaluate)
        self._execute(evaluate, self.context.folder, self.begin, self.save)
        self.state.pid = None
        self.save()
        self.context = StageContext(self.context.request, self.context.folder, self.state)
        return stage.command(self.context)

    def say_command(self, name: str, arguments: list[str]) -> str:
        """Print a command, keep it in commands.txt, and return it as text."""
        command = shell_command(*arguments)
        say(f"$ {command}")
        with (self.context.folder / COMMANDS).open("a") as file:
            file.write(f"# {name}\n{command}\n")
        return command

    def begin(self, pid: int) -> None:
        """Keep the process of a command, which a later start must know of."""
        self.state.pid = pid
        self.save()

    def run_command(self, stage: AutoStage, own: StageState) -> None:
        """Run a stage's command, counting its time.

        Raises:
            UserError: it failed, and is needed.
            ReportedError: it was the plan, before which there is nothing to go on from.
        """
        command = self.say_command(stage.name, own.command)
        own.status = "running"
        own.starts += 1
        before, began = own.seconds, time.monotonic()
        joules, joules_began = own.joules, self._meter.joules()
        place = f"{STAGES.index(stage) + 1} of {len(STAGES)}"
        progress = Progress(self.context, stage.name, place)
        saved = began

        def count() -> None:
            own.seconds = before + time.monotonic() - began
            own.joules = joules + self._meter.joules() - joules_began

        def follow() -> None:
            nonlocal saved
            count()
            now = time.monotonic()
            if now - saved >= SAVE_EVERY_S:
                self.save()
                saved = now
            progress.show(now - began)

        try:
            code = self._execute(own.command, self.context.folder, self.begin, follow)
        finally:
            count()
            self.state.pid = None
            self.save()
        if code == 128 + signal.SIGINT:
            raise InterruptedStageError(signal.SIGINT)
        own.status = "failed" if code else "done"
        # a search that was killed goes on, one that fails would fail again
        if code and (stage.is_needed or (stage.name == SPACE and code < 0)):
            own.status = "running"
            self.save()
            if code == MISTAKE and stage.name == STAGES[0].name:
                raise ReportedError
            raise UserError(
                f"the stage {stage.name} failed with exit code {code}, for the reason above; the"
                f" same command tries it again, and what ran was: {command}"
            )
        failure = Files(self.context.folder).winner_failure if stage.name == WINNER else ""
        if failure:
            own.status, own.note = "failed", failure
            say(f"{stage.name} failed: {failure}")
        if code:
            own.note = f"failed with exit code {code}: {shlex.join(own.command)}"
            say(f"{stage.name} failed with exit code {code}, for the reason above; the run goes on")

    def finish_with_card(self, own: StageState) -> None:
        """Write the card, which says what is known when it is written."""
        own.status = "done"
        card = write_card(self.context)
        self.save()
        say(short_path(card.absolute()))

    def stop(self, signum: int) -> int:
        """Say how to go on after a signal, and return the exit code."""
        self.save()
        say(f"stopped; the same command goes on from here ({short_path(self.context.folder)})")
        return 128 + signum

    def count(self) -> None:
        """Count the time and the energy until now."""
        self.state.seconds = self._before + time.monotonic() - self._began
        self.state.joules = self._joules_before + self._meter.joules()

    def save(self) -> None:
        """Write state.json, with the time and the energy until now."""
        self.count()
        self.state.write(self.context.folder)


def print_summary(context: StageContext) -> None:
    """Print what came out, for people."""
    files, request, state = context.files, context.request, context.state
    say("")
    for line in summary_lines(files, state):
        say(line)
    spent = duration_text(state.seconds)
    asked = "" if request.seconds is None else f" of {duration_text(request.seconds)}"
    say(f"took     {spent}{asked}; {len(files.trials)} trials in the {SPACE}")
    used = used_energy(state, request.joules)
    if used:
        say(f"energy   {used}")
    unused = unused_text(files, context.seconds, state.seconds)
    if unused:
        say(f"left     {unused}")
