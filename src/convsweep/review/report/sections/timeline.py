"""Timeline of trials by worker and slot."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from optuna.trial import FrozenTrial

from convsweep.review.report.rendering.blocks import Block, Figure, Table, Text
from convsweep.review.report.rendering.palette import KINDS, in_words
from convsweep.review.report.rendering.phrases import count_text, duration, percent
from convsweep.review.study import Sweep, moment
from hydra_study import attributes, kind_of

# Largest number of trials drawn; of more, the last ones.
MOST = 3000
# Pauses longer than this share of the working time are shortened.
PAUSE = 0.03


@dataclass(frozen=True)
class Bar:
    """One trial on the timeline, or its time between two pauses: lane, start and end in seconds
    from the first one, with pauses of the sweep shortened.
    """

    trial: FrozenTrial
    lane: str
    start: float
    end: float


def timeline_blocks(sweep: Sweep) -> list[Block]:
    """Return the timeline."""
    begun = [
        trial
        for trial in sweep.trials
        if attributes.WORKER in trial.user_attrs and trial.datetime_start is not None
    ]
    trained = [trial for trial in begun if kind_of(trial) != "duplicate"]
    if not trained:
        return [Text("No worker has left its times in the study.")]
    latest = trained[-MOST:]
    bars, pauses = lay_out_bars(latest)
    lanes = sorted(
        {bar.lane for bar in bars},
        key=lambda lane: [int(word) for word in lane.split() if word.isdigit()],
    )
    length = max(bar.end for bar in bars)
    unit, unit_name = time_unit(length)
    kinds = [kind for kind in KINDS if any(kind_of(bar.trial) == kind for bar in bars)]
    caption = (
        f"From {moment(latest[0].datetime_start):%Y-%m-%d %H:%M} UTC."  # type: ignore[arg-type]
        f" {count_text(len(lanes), 'slot')}, busy {percent(share_busy(bars, length * len(lanes)))}"
        " of the time; a duplicate takes none."
    )
    if pauses:
        longest = max(seconds for _, seconds in pauses)
        caption += (
            f" Dotted lines: {count_text(len(pauses), 'pause')} cut short, the longest"
            f" {duration(longest)}."
        )
    if len(latest) < len(trained):
        caption += f" The last {MOST:,} of {len(trained):,} trials are drawn."
    return [
        Figure(
            "",
            [lane_trace(kind, bars, unit) for kind in kinds],
            lane_layout(lanes, [place / unit for place, _ in pauses], unit_name),
            caption,
            height=90 + 26 * len(lanes),
            instead=lane_table(bars, lanes, length),
            key=[(in_words(kind), KINDS[kind].colour) for kind in kinds],
        )
    ]


def time_unit(length_s: float) -> tuple[float, str]:
    """Return a suitable unit for a duration: its seconds and its name."""
    if length_s > 7200:
        return 3600.0, "hours"
    return (60.0, "minutes") if length_s > 120 else (1.0, "seconds")


def share_busy(bars: Sequence[Bar], seconds: float) -> float:
    """Return the share of a duration that bars cover."""
    return min(1.0, sum(bar.end - bar.start for bar in bars) / seconds) if seconds else 1.0


def lane_layout(lanes: Sequence[str], pauses: Sequence[float], unit_name: str) -> dict[str, Any]:
    """Return the layout with one row a slot and a dotted line at each pause."""
    line = {"color": "@muted", "dash": "dot", "width": 1.5}
    return {
        "xaxis": {"title": {"text": f"{unit_name} of work"}},
        "yaxis": {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": lanes[::-1],
            "showgrid": False,
            "range": [-0.7, len(lanes) - 0.3],
        },
        "shapes": [
            {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": line}
            for x in pauses
        ],
        "showlegend": False,
    }


def lane_table(bars: Sequence[Bar], lanes: Sequence[str], length: float) -> Table:
    """Return the number of trials and the utilisation of each slot."""
    own = {lane: [bar for bar in bars if bar.lane == lane] for lane in lanes}
    return Table(
        ["slot", "trials", "busy"],
        [[lane, len(own[lane]), percent(share_busy(own[lane], length))] for lane in lanes],
    )


def lay_out_bars(trials: Sequence[FrozenTrial]) -> tuple[list[Bar], list[tuple[float, float]]]:
    """Return a bar for every trial, and positions and lengths of the shortened pauses."""
    parts = [part for trial in trials for part in parts_of(trial)]
    lanes = lanes_of(parts)
    placed = zip((span_of(part) for part in parts), lanes, strict=True)
    spans = sorted(((*span, lane) for span, lane in placed), key=lambda span: span[:2])
    worked, until = 0.0, spans[0][0]
    idle: list[tuple[datetime, float]] = []
    for start, end, *_ in spans:
        if start > until:
            idle.append((start, (start - until).total_seconds()))
        worked += max(0.0, (end - max(start, until)).total_seconds())
        until = max(until, end)
    limit = max(PAUSE * worked, 1.0)
    cuts = [(start, seconds) for start, seconds in idle if seconds > limit]
    first = spans[0][0]
    bars = [
        Bar(
            trial,
            lane,
            _seconds_worked(start, first, cuts, limit),
            _seconds_worked(end, first, cuts, limit),
        )
        for start, end, trial, lane in spans
    ]
    return bars, [
        (_seconds_worked(start, first, cuts, limit) - limit / 2, seconds) for start, seconds in cuts
    ]


def parts_of(trial: FrozenTrial) -> list[FrozenTrial]:
    """Return a trial as one, or its time before each pause and after the last as one each."""
    info = trial.user_attrs
    before = list(info.get(attributes.PARTS, []))
    if not before:
        return [trial]
    if info.get(attributes.PAUSED_AT) is None:
        spent = sum(part[attributes.SECONDS] for part in before)
        left = info[attributes.SECONDS] - spent if trial.state.is_finished() else None
        names = (attributes.SESSION, attributes.WORKER, attributes.SLOT, attributes.STARTED)
        before.append({name: info[name] for name in names} | {attributes.SECONDS: left})
    return [_part(trial, part) for part in before]


def _part(trial: FrozenTrial, place: dict[str, Any]) -> FrozenTrial:
    part = copy.copy(trial)
    part.user_attrs = trial.user_attrs | place
    part.datetime_start = datetime.fromisoformat(place[attributes.STARTED])
    return part


def span_of(trial: FrozenTrial) -> tuple[datetime, datetime, FrozenTrial]:
    """Return start and end of a trial; the end of a killed one is the time at which that was
    noticed.
    """
    assert trial.datetime_start is not None
    start = moment(trial.datetime_start)
    said = trial.user_attrs.get(attributes.SECONDS)
    if said is not None or kind_of(trial) == "killed":
        return start, start + timedelta(seconds=float(said or 0)), trial
    return start, moment(trial.datetime_complete or datetime.now(UTC)), trial


def _seconds_worked(
    time: datetime, first: datetime, cuts: Sequence[tuple[datetime, float]], limit: float
) -> float:
    cut = sum(seconds - limit for start, seconds in cuts if start <= time)
    return (time - first).total_seconds() - cut


def lanes_of(trials: Sequence[FrozenTrial]) -> list[str]:
    """Return the lane of each trial: index of its worker within a start of the sweep, and slot."""
    workers: dict[str, list[str]] = {}
    lanes = []
    for trial in trials:
        info = trial.user_attrs
        names = workers.setdefault(str(info.get(attributes.SESSION)), [])
        if info[attributes.WORKER] not in names:
            names.append(info[attributes.WORKER])
        worker = names.index(info[attributes.WORKER])
        lanes.append(f"worker {worker} slot {info.get(attributes.SLOT, 0)}")
    return lanes


def lane_trace(kind: str, bars: Sequence[Bar], unit: float) -> dict[str, Any]:
    """Return the bars of one kind as one trace of thick lines, fast for many bars."""
    own = [bar for bar in bars if kind_of(bar.trial) == kind]
    x: list[float | None] = []
    y: list[str | None] = []
    text: list[str | None] = []
    for bar in own:
        said = f"trial {bar.trial.number}: {in_words(kind)}, {duration(bar.end - bar.start)}"
        x += [bar.start / unit, (bar.start + bar.end) / 2 / unit, bar.end / unit, None]
        y += [bar.lane, bar.lane, bar.lane, None]
        text += [said, said, said, None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "text": text,
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": KINDS[kind].colour, "width": 14, "simplify": False},
    }
