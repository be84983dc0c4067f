"""The commands of the plan and of the baseline."""

from convsweep.auto.commands.arguments import path_text, place, preset
from convsweep.auto.context import StageContext
from convsweep.auto.files import PRESET
from convsweep.auto.request import AutoRequest, key_of
from convsweep.auto.shares import Costs, check_least
from convsweep.cli.duration import duration_text
from convsweep.cli.energy import energy_text
from convsweep.errors import UserError
from convsweep.planning.keys import GPUS, LAUNCHER, SLOTS, THREADS, WORKERS

# Overrides of the search by which a plan counts the trainings at a time.
AT_A_TIME = (LAUNCHER, SLOTS, WORKERS, THREADS, GPUS)
# Limits by which a plan is made; the others only limit what comes after it.
PLANNED = ("budget", "energy", "power")


def plan(context: StageContext) -> list[str]:
    """Return the command that looks at the data and writes plan.yaml and sweeps/search.yaml."""
    asked = context.request
    together = [text for text in asked.engine if key_of(text) in AT_A_TIME]
    target = f"folder={path_text(context.folder)}"
    return ["plan", *asked.overrides, *together, target, *limits_of_plan(asked)]


def limits_of_plan(asked: AutoRequest) -> list[str]:
    """Return the arguments of the plan that say how much may be used."""
    values = zip(PLANNED, (asked.seconds, asked.joules, asked.watts), "sJW", strict=True)
    return [f"{name}={value:.10g}{unit}" for name, value, unit in values if value is not None]


def baseline(context: StageContext) -> list[str]:
    """Return the command that trains the plan's own network.

    Raises:
        UserError: the budget does not hold it.
    """
    check_baseline(context)
    return [*preset(context.folder, PRESET), *place(context.files.baseline), "test=false"]


def check_baseline(context: StageContext) -> None:
    """Check that the budget holds the baseline and its test.

    Raises:
        UserError: it does not; the message says what it would take. Or folds are asked for, and the
            data cannot be divided.
    """
    if context.files.baseline_result:
        return
    plan, folds = context.files.plan, context.request.folds
    if folds is not None and not plan.get("num_folds") and plan.get("val_fraction") is None:
        raise UserError(
            "folds divide what is trained and validated on, but this data has a part of its own to"
            f" validate on; leave out folds={folds}, so that trainings differ in seeds"
        )
    if context.seconds is not None:
        spent, costs = context.state.seconds, context.costs()
        check_least(context.seconds, spent, costs, amount_text(context, spent + costs.least))
    if context.request.epochs is not None:
        epochs = float(context.max_epochs)
        check_least(context.request.epochs, 0.0, Costs(epochs, epochs), f"{epochs:g} epochs")


def amount_text(context: StageContext, seconds: float) -> str:
    """Return a time in words, with the energy that it takes where that is the limit."""
    if context.request.joules is None or context.watts is None:
        return duration_text(seconds)
    joules = context.state.joules + (seconds - context.state.seconds) * context.watts
    return f"{duration_text(seconds)}, {energy_text(joules)}"
