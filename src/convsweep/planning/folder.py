"""The folder of a plan: plan.yaml, the search around it, the look and the numbers."""

import json
from dataclasses import asdict
from pathlib import Path

from convsweep.cli.duration import duration_text
from convsweep.cost import in_si
from convsweep.planning.decisions import Decision
from convsweep.planning.look.pictures import draw_look
from convsweep.planning.look.words import look_rows
from convsweep.planning.planned import Planned
from convsweep.planning.random_points import POINTS
from convsweep.planning.rules.rungs import first_rung
from convsweep.planning.space import MACS_FACTOR
from convsweep.planning.writing import plan_text, search_text
from convsweep.run_folder import write_atomically

PLAN, RECORD, LOOK, SEARCH = "plan.yaml", "plan.json", "look.json", "sweeps/search.yaml"


def write(planned: Planned, folder: Path) -> None:
    """Write plan.yaml, sweeps/search.yaml, look.json, its pictures and plan.json."""
    plan = planned.plan
    (folder / "sweeps").mkdir(parents=True, exist_ok=True)
    place = f"--config-dir {folder} --config-name plan"
    header = [
        f"convsweep train {place}",
        f"The plan of {plan.data}. Rules and their sources: docs/plan.md.",
    ]
    write_atomically(folder / PLAN, plan_text(planned.decisions, header))
    command = f"convsweep train -m {place} sweeps=search"
    text = search_text(planned.space, search_settings(planned, folder.name), [command])
    write_atomically(folder / SEARCH, text)
    look = {"rows": look_rows(planned.look), **asdict(planned.look)}
    write_atomically(folder / LOOK, json.dumps(look, indent=1) + "\n")
    draw_look(planned.data, planned.look, folder)
    write_atomically(folder / RECORD, json.dumps(asdict(plan), indent=1) + "\n")


def search_settings(planned: Planned, name: str) -> list[Decision]:
    """Return the settings of the search other than its space.

    Args:
        name: of the study, after `search_`.
    """
    plan = planned.plan
    trained = (
        f"{plan.num_trials} trials are begun in the search's half of the budget: a"
        f" training of the baseline takes {duration_text(plan.seconds_per_training)},"
        f" {plan.slots} at a time, and a third of the trials is trained in full"
    )
    limit = plan.max_macs or 0
    settings = [
        Decision("hydra/sweeper/schedule", "promotion", "first in docs/search.md", is_group=True),
        Decision("hydra/sweeper/sampler", "auto", "by the space", is_group=True),
        Decision("test", False, "a search does not look at the test part"),
        Decision(
            "budget.max_macs",
            in_si(limit).replace(" ", ""),
            f"{MACS_FACTOR:g} times those of the baseline, so that a trial takes no longer than"
            f" about as many times; {plan.feasible:.0%} of {POINTS} random points can be trained",
        ),
        Decision("hydra.sweeper.study_name", f"search_{name}", ""),
        Decision("hydra.sweeper.n_trials", plan.num_trials, trained),
        Decision(
            "hydra.sweeper.schedule.min_steps",
            first_rung(plan.epochs),
            "a ninth of the epochs, docs/search.md",
        ),
    ]
    return [each for each in settings if each.key != "budget.max_macs" or limit]
