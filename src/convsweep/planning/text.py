"""The look and the plan in the terminal."""

from pathlib import Path

from convsweep.cli.console import console, short_path
from convsweep.cli.duration import duration_text
from convsweep.cli.shell_command import shell_command
from convsweep.cost import in_bytes
from convsweep.planning.decisions import shown
from convsweep.planning.look import Look
from convsweep.planning.plan import PLAN, SEARCH, Plan, Planned, describe

MOST_CLASSES = 12


def show(planned: Planned, folder: Path) -> None:
    """Print the look, the decisions, what they take, and the next commands."""
    for line in [
        *look_lines(planned.look),
        "",
        *decision_lines(planned),
        "",
        *cost_lines(planned.plan),
        "",
        *next_lines(folder),
    ]:
        console.print(line, soft_wrap=True, markup=False)


def look_lines(look: Look) -> list[str]:
    """Return what there is and what is wrong with it."""
    parts = ", ".join(f"{count:,} {part}" for part, count in look.num_samples.items())
    lines = [f"data: {describe(look)}", f"  parts: {parts}"]
    if look.counts:
        lines.append(f"  classes: {class_text(look)}")
    for name, rows in (("sizes of files", look.file_sizes), ("sizes", look.sizes)):
        if rows and any(row[0] != row[2] for row in rows):
            text = ", ".join(f"{low} to {high} (median {middle})" for low, middle, high in rows)
            lines.append(f"  {name}: {text}")
    if look.spacing:
        text = ", ".join(f"{low:.3g} to {high:.3g} ({mid:.3g})" for low, mid, high in look.spacing)
        lines.append(f"  spacing in mm, by axis (median): {text}")
    means = ", ".join(
        f"{mean:.3g} ± {std:.3g}" for mean, std in zip(look.mean, look.std, strict=True)
    )
    lines.append(
        f"  values: {look.low:.4g} to {look.high:.4g}; channels {means}; the samples' brightness"
        f" spreads by {look.brightness_spread:.2g} of the deviation within them"
    )
    for axes, test in look.mirrored.items():
        lines.append(
            f"  {axes}: mirrored samples are told from the others in {test.accuracy:.0%} of"
            f" {test.count} cases (50 % is chance)"
        )
    if look.faults:
        lines += ["  faults:", *(f"    {fault.text}" for fault in look.faults)]
    else:
        lines.append("  faults: none found")
    return lines


def class_text(look: Look) -> str:
    """Return the counts of the classes, or of masks the shares."""
    total = max(1, sum(look.counts))
    pairs = sorted(zip(look.class_names, look.counts, strict=True), key=lambda pair: -pair[1])
    if look.kind.has_masks:
        text = ", ".join(f"{name} ({count / total:.1%})" for name, count in pairs[:MOST_CLASSES])
    else:
        text = ", ".join(f"{name} ({count:,})" for name, count in pairs[:MOST_CLASSES])
    more = len(pairs) - MOST_CLASSES
    rest = f" and {more} more" if more > 0 else ""
    return f"{text}{rest}; the most frequent has {look.imbalance:.3g} times the rarest"


def decision_lines(planned: Planned) -> list[str]:
    """Return the decisions with their reasons."""
    lines = ["plan:"]
    for each in planned.decisions:
        lines.append(f"  {each.key}={shown(each.value)}: {each.why}")
    return lines


def cost_lines(plan: Plan) -> list[str]:
    """Return what trainings and the search take."""
    disk = plan.num_trials * plan.checkpoint_bytes
    return [
        f"a training of the baseline: {plan.epochs} epochs, about"
        f" {duration_text(plan.seconds_per_training)} ({plan.samples_per_second:,.0f} samples a"
        f" second), a step {in_bytes(plan.memory)}",
        f"a search: about {plan.num_trials} trials begun, {plan.slots} at a time;"
        f" {plan.feasible:.0%} of random points can be trained; disk about {in_bytes(disk)}, memory"
        f" about {in_bytes(plan.slots * plan.memory)} besides the data",
        *(f"note: {text}" for text in plan.warnings if "validation" in text),
    ]


def next_lines(folder: Path) -> list[str]:
    """Return the next commands."""
    place = short_path(folder.absolute())
    train = shell_command("train", "--config-dir", place, "--config-name", "plan")
    search = shell_command(
        "train", "-m", "--config-dir", place, "--config-name", "plan", "sweeps=search"
    )
    return [
        f"written: {place}/{PLAN}, {place}/{SEARCH}",
        f"next: {train}",
        f"      {search}",
    ]
