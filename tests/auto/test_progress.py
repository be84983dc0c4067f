"""What a search must beat, and by how much chance lets two networks differ."""

from pathlib import Path
from typing import Any

import pytest

from convsweep.auto.context import StageContext
from convsweep.auto.progress import Progress, chance_of_answers, text_to_beat, validation_command
from convsweep.auto.request import parse_request
from convsweep.auto.state import StageState, State
from convsweep.metrics.direction import better_mode

from .conftest import Commands, name_of, result, write, write_plan
from .test_run import run

CHANCE = "with 40 samples a difference below {} points is chance"


def test_samples_of_a_group_are_no_measure_of_chance(tmp_path: Path) -> None:
    write_plan(tmp_path, has_groups=True)
    write(tmp_path / "baseline" / "result.json", result(0.9, 3))
    state = State([], {"search": StageState(command=["train", "-m"])})
    context = StageContext(parse_request(["data=digits", "budget=1h"]), tmp_path, state)
    assert text_to_beat(context) == "to beat: val/accuracy 0.9 of the baseline"


@pytest.mark.parametrize(
    ("metric", "score", "epochs", "end"),
    [
        ("val/accuracy", 0.9, 12, f"; {CHANCE.format(13.9)}"),
        (
            "val/accuracy",
            1.0,
            12,
            f"; {CHANCE.format(6.5)}; no network can score more there, so the finalists decide",
        ),
        ("val/pixel_accuracy", 0.9, 12, ""),
        ("val/mean_ap", 1.0, 12, "; no network can score more there, so the finalists decide"),
        ("val/si_snr_improvement", 1.5, 12, ""),
        ("val/mae", 1.5, 12, " (lower is better)"),
        (
            "val/f1",
            0.9,
            6,
            "; it had 12 epochs, trials have 6, and the finalists are compared at equal length",
        ),
    ],
)
def test_what_a_search_must_beat(
    tmp_path: Path, metric: str, score: float, epochs: int, end: str
) -> None:
    mode = better_mode(metric)
    write_plan(tmp_path, monitor=metric, mode=mode, num_val=40, epochs=12)
    done = {**result(score, 3), "objectives": {metric: score}}
    write(tmp_path / "baseline" / "result.json", done)
    command = ["train", "-m", f"trainer.max_epochs={epochs}"]
    state = State([], {"search": StageState(command=command)})
    context = StageContext(parse_request(["data=digits", "budget=1h"]), tmp_path, state)
    assert text_to_beat(context) == f"to beat: {metric} {score:.4g} of the baseline{end}"


def context_of(folder: Path, metric: str, *words: str, **plan: Any) -> StageContext:
    """Return a run whose baseline is trained."""
    write_plan(folder, monitor=metric, epochs=9, **plan)
    write(folder / "baseline" / "result.json", {**result(0.8, 3), "objectives": {metric: 0.8}})
    request = parse_request(["data=digits", *(words or ("budget=1h",))])
    return StageContext(request, folder, State([], {"plan": StageState(seconds=20.0)}))


ANSWERS = "sample,loss,true,predicted,probability\n" + "".join(
    f"{n},0.1,{n % 2},{n % 2 if n % 5 else 0},0.9\n" for n in range(40)
)


@pytest.mark.parametrize(
    ("metric", "words", "plan", "is_evaluated"),
    [
        ("val/f1", (), {}, True),
        ("val/foreground_dice", ("n_trials=9",), {}, True),
        ("val/accuracy", (), {}, False),  # a formula says it
        ("val/loss", (), {}, False),  # nothing says it
        ("val/f1", (), {"num_val": 0}, False),
        ("val/f1", ("budget=5min",), {}, False),  # a start takes 10 s of them
    ],
)
def test_the_baseline_is_evaluated_where_chance_is_not_known_without(
    tmp_path: Path, metric: str, words: tuple[str, ...], plan: dict[str, Any], is_evaluated: bool
) -> None:
    context = context_of(tmp_path, metric, *words, **plan)
    command = validation_command(context)
    assert bool(command) == is_evaluated
    if command:
        assert command[:4] == ["evaluate", str(tmp_path / "baseline"), "--split", "val"]
        write(Path(command[command.index("--out") + 1]) / "samples.csv", ANSWERS)
        assert validation_command(context_of(tmp_path, metric, *words)) == [], "once"


def test_what_chance_explains_follows_from_the_answers(tmp_path: Path) -> None:
    write(tmp_path / "validation" / "samples.csv", ANSWERS)
    context = context_of(tmp_path, "val/f1")
    found = chance_of_answers(context.files)
    assert found is not None
    assert 0.05 < found < 0.3
    said = f"of the baseline; with 40 samples a difference below {found:.2g} is chance"
    assert text_to_beat(context).endswith(said)


class OfF1(Commands):
    """A run whose metric is F1, and in whose search the progress is shown."""

    def write_plan(self, folder: Path) -> None:
        """Write a plan."""
        write_plan(folder, monitor="val/f1")

    def write_baseline(self, folder: Path) -> None:
        """Write the baseline's result."""
        done = {**result(0.8, 3), "objectives": {"val/f1": 0.8}}
        write(folder / "baseline" / "result.json", done)

    def write_evaluate(self, folder: Path) -> None:
        """Write answers to where they are asked for."""
        out = Path(self.called[-1][self.called[-1].index("--out") + 1])
        write(out / "samples.csv", ANSWERS)
        write(out / "evaluation.json", {"samples": 40, "metrics": {"f1": 0.9}, "classes": []})


def test_a_run_evaluates_the_baseline_before_the_search(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = OfF1()
    assert run(tmp_path, commands) == 0
    before = commands.called[: commands.names.index("search")]
    assert [name_of(each) for each in before] == ["plan", "baseline", "evaluate"]
    assert "val" in before[-1]
    said = capsys.readouterr().out
    assert "to beat: val/f1 0.8 of the baseline; with 40 samples a difference below " in said
    assert "against 0.8 of the baseline, one training each; with 40 samples" in said


def test_a_terminal_has_the_progress_as_the_caption_of_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    context = context_of(tmp_path, "val/accuracy", "budget=1h", num_val=40)
    progress = Progress(context, "search", "3 of 9", is_terminal=True)
    progress.show(0.2)
    assert capsys.readouterr().out == "", "the table is there"
    before = context.files.caption.read_text()
    assert before == (
        "stage 3 of 9, search; 0 trials begun, none complete against 0.8 of the baseline; 1 h 0 min"
        " left for all\n"
    )
    Commands().write_search(tmp_path)
    progress.show(1.0)
    assert context.files.caption.read_text() == before, "not each time"
    context.state.seconds = 600.0  # as the run counts it
    progress.show(599.0)
    assert context.files.caption.read_text() == (
        "stage 3 of 9, search; 3 trials, best val/accuracy 0.9 (trial 1) against 0.8 of the"
        " baseline, one training each; with 40 samples a difference below 13.9 points is chance;"
        " 50 min 0 s left for all\n"
    )
    Progress(context, "baseline", "2 of 9", is_terminal=True).show(0.2)
    assert context.files.caption.read_text().startswith("stage 3 of 9"), "a training has a bar"


def test_lines_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    context = context_of(tmp_path, "val/accuracy", "energy=1kWh", "power=100W")
    progress = Progress(context, "search", "3 of 9", is_terminal=False)
    progress.show(1.0)
    assert capsys.readouterr().out == ""
    context.state.seconds, context.state.joules = 3600.0, 360e3
    progress.show(3600.0)
    assert capsys.readouterr().out == (
        "[search, 1 h 0 min; 0 trials begun, none complete against 0.8 of the baseline; 9 h 0 min"
        " and 900 Wh left for all]\n"
    )
    assert not context.files.caption.exists()
