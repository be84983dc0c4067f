"""Every page says what it should, for every kind of sweep, and carries everything it needs."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from convsweep.errors import UserError
from convsweep.review.confirm.candidates import Candidate
from convsweep.review.confirm.document import Comparison, document, write
from convsweep.review.confirm.results import Result, Training
from convsweep.review.confirm.verdict import judge
from convsweep.review.report.pages.compare import compare_page
from convsweep.review.report.pages.leaderboard import leaderboard_page
from convsweep.review.report.pages.run import run_page
from convsweep.review.report.pages.sweep import sweep_page
from convsweep.review.report.rendering.blocks import Code, Page
from convsweep.review.report.rendering.html import to_html
from convsweep.review.report.rendering.markdown import to_markdown
from convsweep.review.report.rendering.pictures import Pictures
from convsweep.review.report.sections.slices import slice_blocks
from convsweep.review.report.source import runs_below
from tests.review.report.conftest import MakeSweep
from tests.review.report.studies import mixed

ALWAYS = ["In one minute", "What was searched", "Run it again"]
WHOLE = [
    *ALWAYS,
    "The best trial",
    "Best trials",
    "Confirmation",
    "History",
    "What mattered",
    "One parameter",
    "Pairs",
    "Parallel",
    "Cost",
    "Curves",
    "Outcomes",
    "Timeline",
    "All trials",
]


def figures(html: str) -> list[dict[str, Any]]:
    """Return the figures of a page."""
    texts = re.findall(r'class="plot"[^>]*><script type="application/json">(.*?)</script>', html)
    return [json.loads(text) for text in texts]


def in_colour(value: Any) -> Any:
    """Return a figure with a colour for each name of the palette."""
    if isinstance(value, str):
        return "#123456" if value.startswith("@") else value
    if isinstance(value, dict):
        return {key: in_colour(item) for key, item in value.items()}
    return [in_colour(item) for item in value] if isinstance(value, list) else value


def check(page: Page) -> tuple[str, str]:
    """Return a page in both forms, after checks that hold for every page."""
    html, markdown = to_html(page), to_markdown(page, Pictures("report_pictures"))
    for figure in figures(html):
        go.Figure(in_colour(figure))  # Plotly knows every key and value
    palette = set(re.findall(r"--([a-z-]+):", html))
    assert set(re.findall(r'"@([a-z]+)"', html)) <= palette
    assert html.count("plotly.js v") == (1 if figures(html) else 0)
    assert not re.search(r"<(link|script|img)[^>]+(src|href)=.?(https?:)?//", html)
    assert "alert('from a reason')</script>" not in html
    assert all(section.title in html and section.blocks for section in page.sections)
    return html, markdown


@pytest.mark.parametrize("count", [5, 60])
def test_a_sweep_has_every_section(made: MakeSweep, count: int) -> None:
    page = sweep_page(made(mixed(count)))
    html, markdown = check(page)
    assert {section.title for section in page.sections} == set(WHOLE)
    assert "exist only under a condition" in html or count == 5
    assert "| sampler | TPESampler (n_startup_trials=10) |" in markdown
    assert "convsweep train -m sweeps=made logger=none" in markdown
    assert "best val/accuracy" in markdown


def test_two_objectives_have_a_front(made: MakeSweep) -> None:
    page = sweep_page(made(mixed(60), objectives=2))
    _, markdown = check(page)
    assert "Pareto front" in [section.title for section in page.sections]
    assert "maximise val/accuracy and minimise macs" in markdown
    assert "| trial | val/accuracy | macs | parameters | seconds |" in markdown, (
        "an objective is not told twice"
    )


def test_an_empty_sweep_says_so(made: MakeSweep) -> None:
    page = sweep_page(made([]))
    html, _ = check(page)
    assert [section.title for section in page.sections] == ALWAYS
    assert "no trials yet" in html


def test_a_sweep_without_a_complete_trial_says_why(made: MakeSweep) -> None:
    _, markdown = check(sweep_page(made(["diverged", "diverged", "error"])))
    assert (
        "**No trial is complete**: 2 diverged, 1 error. Most often (2 trials): the training loss"
        " must stay finite" in markdown
    )
    assert "Traceback of trial 2" in markdown


def test_a_running_sweep_says_so(made: MakeSweep) -> None:
    html, _ = check(sweep_page(made([*mixed(20), "running", "running"])))
    assert "<b>Still running</b>: 2 trials in the making" in html


def confirmed(folder: Path, has_test: bool = True) -> dict[str, Any]:
    """Leave what a confirmation of a sweep leaves, and return it."""
    comparison = Comparison("made", folder, "val/accuracy", True, False, [1, 2, 3])

    def trainings(first: float) -> list[Training]:
        steps = {"validation": 0.01, "test": 0.012} if has_test else {"validation": 0.01}
        scores = {
            seed: {split: first + step * seed for split, step in steps.items()}
            for seed in (1, 2, 3)
        }
        return [Training(seed, "complete", scores=scores[seed], seconds=1.0) for seed in (1, 2, 3)]

    winner = Result(Candidate("trial 4", [], 4, 0.95, {}), trainings(0.9))
    results = [winner, Result(Candidate("baseline", []), trainings(0.7))]
    content = document(comparison, results, judge(results, "val/accuracy", True))
    (folder / "confirm").mkdir()
    write(content, folder)
    return content


def test_a_confirmation_is_told(made: MakeSweep) -> None:
    sweep = made(mixed(20))
    assert sweep.folder is not None
    assert "Not confirmed" in check(sweep_page(sweep))[1]
    content = confirmed(sweep.folder)
    _, markdown = check(sweep_page(sweep))
    assert markdown.count(content["verdict"]["words"]) == 2, (
        "in the first sentences and in its section"
    )
    assert (
        "how sure: **confirmed**, +0.2 [+0.2, +0.2] to the baseline on the test split, 3 seeds"
        in markdown
    )
    assert "| trial 4 | 0.92 ± 0.01 | 0.924 ± 0.012 | +0.2 [+0.2, +0.2] |" in markdown
    assert "| baseline | 0.72 ± 0.01 | 0.724 ± 0.012 |  |" in markdown
    assert "standard deviation over 3 seeds that" in markdown
    write({**content, "is_finished": False}, sweep.folder)
    assert "over those that ended of 3 seeds that" in check(sweep_page(sweep))[1]


def test_a_confirmation_without_a_test_split_is_that_of_the_validation_split(
    made: MakeSweep,
) -> None:
    sweep = made(mixed(20))
    assert sweep.folder is not None
    confirmed(sweep.folder, has_test=False)
    _, markdown = check(sweep_page(sweep))
    assert "difference to the baseline (validation)" in markdown
    assert "| trial 4 | 0.92 ± 0.01 |  | +0.2 [+0.2, +0.2] |" in markdown
    assert "evaluated here for the first time" not in markdown


def test_markdown_holds_the_trials_and_no_word_of_what_a_hand_can_do(made: MakeSweep) -> None:
    html, markdown = check(sweep_page(made(mixed(60))))
    for words in ("Drag along an axis", "Click a name above"):
        assert words in html
        assert words not in markdown
    rows = markdown.partition("**All 60 trials**")[2].splitlines()
    assert [row.split()[1] for row in rows if re.match(r"\| \d", row)] == [
        str(number) for number in range(40)
    ]
    assert "(20 more rows on the HTML page)" in rows


def test_the_best_trial_is_drawn_once(made: MakeSweep) -> None:
    sweep = made(mixed(40))
    assert sweep.best is not None
    for figure in slice_blocks(sweep, list(sweep.searched_params))[-1].figures:  # type: ignore[union-attr]
        marks = [text for trace in figure.data for text in trace.get("text", [])]
        has_it = any(sweep.labels[name] == figure.title for name in sweep.best.params)
        assert sum(f"<b>trial {sweep.best.number}</b>" in text for text in marks) == has_it


def test_two_sweeps_stand_side_by_side(made: MakeSweep) -> None:
    one, other = made(mixed(40), name="one"), made(mixed(20), name="other")
    _, markdown = check(compare_page(one, other))
    assert "Both found the same best val/accuracy" in markdown, "trial 8, which both have"
    assert f"{one.num_charged} and {other.num_charged} trials" in markdown
    assert "| parameter | one | won | other | won |" in markdown
    check(compare_page(one, made([], name="empty")))
    with pytest.raises(
        UserError,
        match="the same objectives, but one has val/accuracy and two has val/accuracy, macs",
    ):
        compare_page(one, made(["complete"] * 3, objectives=2, name="two"))


RESULT = {
    "outcome": "complete",
    "objectives": {"val/accuracy": 0.9},
    "best_epoch": 1,
    "best": {"val/accuracy": 0.9, "lr-Adam": 0.1, "lr-AdamW/pg1": 0.2},
    "test": {"test/accuracy": 0.88},
    "epochs": 2,
    "stopped_early": False,
    "checkpoint": None,
    "seconds": 4.0,
    "cost": {"params": 5000, "macs": 1000, "summary": "ConvNet: 5 k parameters, 1 kMACs"},
    "wandb": None,
}
CONFIG = (
    "name: NAME\nseed: 3\nmonitor: {metric: val/accuracy, mode: max}\ndata: {_target_:"
    " convsweep.data.sources.digits.Digits}\n"
)


def make_run(folder: Path, name: str, result: dict[str, Any] | None) -> Path:
    """Leave a run's folder."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG.replace("NAME", name))
    # after the epochs: the test
    (folder / "metrics.csv").write_text(
        "epoch,step,val/accuracy,train/loss\n0,1,0.5,2\n1,2,0.9,1\n2,3,,\n"
    )
    if result is not None:
        (folder / "result.json").write_text(json.dumps(result))
    return folder


def test_a_run_has_its_scores_and_curves(tmp_path: Path) -> None:
    html, markdown = check(run_page(make_run(tmp_path / "a", "cnn", RESULT)))
    assert "best val/accuracy: **0.9**, epoch 1" in markdown
    assert "test/accuracy: **0.88**" in markdown
    assert "lr-Adam" not in markdown
    assert "| val/accuracy | 0.9 |" in markdown.partition("## Learning curves")[2], (
        "the last value that was measured"
    )
    assert [trace["y"] for figure in figures(html) for trace in figure["data"]] == [
        [0.5, 0.9],
        [2.0, 1.0],
    ]
    _, markdown = check(
        run_page(make_run(tmp_path / "b", "cnn", {"outcome": "diverged", "reason": "loss is nan"}))
    )
    assert "**diverged**: loss is nan" in markdown
    _, markdown = check(run_page(make_run(tmp_path / "c", "cnn", None)))
    assert "has not ended yet" in markdown


def test_commands_are_such_as_a_shell_takes(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "my run", "cnn", RESULT)
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "overrides.yaml").write_text(
        "- data.root=my photos\n- model.net.width=[4,8]\n"
    )
    (code,) = run_page(folder).sections[-1].blocks
    assert isinstance(code, Code)
    again, resumed = (shlex.split(line) for line in code.text.splitlines())
    assert again == ["convsweep", "train", "data.root=my photos", "model.net.width=[4,8]"]
    assert resumed == ["convsweep", "train", f"resume={folder}"]


def test_a_leaderboard_ranks_by_the_monitored_metric(tmp_path: Path) -> None:
    for name, value in (("low", 0.4), ("high", 0.8), ("middle", 0.6)):
        make_run(tmp_path / "2026" / name, name, RESULT | {"best": {"val/accuracy": value}})
    make_run(tmp_path / "killed", "killed", None)
    runs = runs_below(tmp_path)
    assert len(runs) == 4
    _, markdown = check(leaderboard_page(tmp_path, runs))
    rows = [
        line
        for line in markdown.splitlines()
        if line.startswith(("| high", "| middle", "| low", "| killed"))
    ]
    assert [row.split()[1] for row in rows] == ["high", "middle", "low", "killed"]
    assert "4 runs" in markdown
    assert "3 complete, 1 unfinished" in markdown


def test_folds_are_told_together_by_mean_and_standard_error(tmp_path: Path) -> None:
    for fold, value in enumerate((0.7, 0.8, 0.9)):
        folder = make_run(tmp_path / str(fold), "cnn", RESULT | {"best": {"val/accuracy": value}})
        text = (folder / "config.yaml").read_text().replace("data: {", f"data: {{fold: {fold}, ")
        (folder / "config.yaml").write_text(text)
    make_run(tmp_path / "single", "cnn", RESULT)
    _, markdown = check(leaderboard_page(tmp_path, runs_below(tmp_path)))
    # by hand: standard deviation 0.1, divided by the root of 3
    assert "| cnn | 3 of None | 0.8 ± 0.058 | 0.7, 0.8, 0.9 |" in markdown


def test_runs_that_never_began_stand_last_with_their_reasons(tmp_path: Path) -> None:
    for name, reason in (("1", "no such folder"), ("2", "no such class"), ("4", None)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(
            json.dumps({"outcome": "error", "reason": reason})
        )
    make_run(tmp_path / "3", "cnn", RESULT)
    page = leaderboard_page(tmp_path, runs_below(tmp_path))
    assert [section.title for section in page.sections[1:]] == [
        "val/accuracy on Digits",
        "Ended before they began",
    ]
    _, markdown = check(page)
    rows = markdown.partition("## Ended before they began")[2].strip().splitlines()[2:]
    assert rows == [
        "| 4 | error |  |",
        "| 2 | error | no such class |",
        "| 1 | error | no such folder |",
    ]


@pytest.mark.parametrize(
    ("data", "questions"),
    [
        ("image_folder.ImageFolder, root: ROOT", ["ImageFolder cats", "ImageFolder cells"]),
        ("arrays.Arrays, path: ROOT", ["Arrays cats", "Arrays cells"]),
        ("ucr.UCR, dataset: ROOT, root: data/ucr", ["UCR cats", "UCR cells"]),
        ("mnist.MNIST, root: ROOT", ["MNIST"]),
    ],
)
def test_scores_on_different_data_are_not_ranked_together(
    tmp_path: Path, data: str, questions: list[str]
) -> None:
    for root in ("cats", "cells"):
        folder = make_run(tmp_path / root, root, RESULT)
        config = (
            CONFIG.partition("data:")[0]
            + f"data: {{_target_: convsweep.data.{data.replace('ROOT', root)}}}\n"
        )
        (folder / "config.yaml").write_text(config)
    sections = leaderboard_page(tmp_path, runs_below(tmp_path)).sections
    assert [section.title for section in sections[1:]] == [
        f"val/accuracy on {question}" for question in questions
    ]
