"""Names that come from data are shown as they are and never become code: not in HTML, not in
Plotly's tags, not in Markdown.
"""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import optuna
import pytest
import yaml
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from convsweep.review.report.pages.compare import compare_page
from convsweep.review.report.pages.leaderboard import leaderboard_page
from convsweep.review.report.pages.run import run_page
from convsweep.review.report.pages.sweep import sweep_page
from convsweep.review.report.rendering.blocks import (
    Bullets,
    Card,
    Cards,
    Code,
    Figure,
    Fold,
    Grid,
    Notice,
    Page,
    Section,
    Table,
    Text,
)
from convsweep.review.report.rendering.html import to_html
from convsweep.review.report.rendering.markdown import to_markdown
from convsweep.review.report.rendering.pictures import Pictures
from convsweep.review.report.source import load_sweep, runs_below
from convsweep.review.wandb_study.panels import plotly_figure
from hydra_study.paths import SweepPaths
from hydra_study.storage.journal import open_journal
from tests.review.report.chromium import Chromium
from tests.review.report.studies import MULTIRUN, SPACE, make_trials, mixed

RUN = "document.title='pwned'"
HOSTILE = (
    f"<script>{RUN}</script>",
    f'"><img src=x onerror="{RUN}">',
    f"](javascript:{RUN})",
    f"[x](javascript:{RUN})",
    "| a | b",
    "\\| a",
    "</script>",
    "${x}",
    "`",
    f"``<img src=x onerror={RUN}>`",
    f"\\`<img src=x onerror={RUN}>`",
    f"`a\n\n<img src=x onerror={RUN}>`",
    f"```\n<img src=x onerror={RUN}>\n```",
    f'<a href="javascript:{RUN}">go</a>',
    '<a href="https://evil.example">go</a>',
    "<b>bold</b>",
    "https://evil.example/a?b=c",
    "see http://evil.example, or (HTTPS://evil.example)",
    "ftp://evil.example",
    "www.evil.example",
    "_WWW.evil.example",
    "someone@evil.example",
    "mailto:someone@evil.example",
    "xmpp:someone@evil.example/x",
    "\\https://evil.example",
    "`x`https://evil.example`y`",
    "x | https://evil.example\\|y",
)
ALL = " ".join(HOSTILE)
# What GitHub makes a link of wherever it stands (its extension of CommonMark: extended autolinks).
AUTOLINK = r"(?:https?|ftp)://|www\.|[\w.+-]@[\w-]+\.|(?:mailto|xmpp):"


class Live(HTMLParser):
    """What of a page is live: scripts that run, handlers, addresses, tags that no page of ours
    has.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts = 0
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        given = dict(attrs)
        self.scripts += tag == "script" and given.get("type") != "application/json"
        for name, value in attrs:
            address = name in ("href", "src") and not (value or "").startswith(
                ("#", "data:image/png;base64,", "data:,")
            )
            if name.startswith("on") or address:
                self.found.append(f"{tag} {name}={value}")


def code_removed(markdown: str) -> str:
    """Return Markdown without its code, by CommonMark's rule: a run of backticks ends at a run of
    the same length.
    """
    text = re.sub(r"^(`{3,})[^\n`]*\n.*?^\1`*$", "", markdown, flags=re.S | re.M)
    paragraphs = re.split(r"\n\n|\n(?=[-|])", text)
    return "\n\n".join(
        re.sub(r"(?<![`\\])(`+)(?!`).*?(?<!`)\1(?!`)", "", one, flags=re.S) for one in paragraphs
    )


def check(page: Page) -> None:
    """Check a page in both forms."""
    html, markdown = to_html(page), to_markdown(page, Pictures("pictures"))
    live = Live(html)
    assert (live.scripts, live.found) == (2, [])  # Plotly and the page's own
    for text in re.findall(
        r'class="plot"[^>]*><script type="application/json">(.*?)</script>', html
    ):
        tags = set(re.findall(r"<[^>]*>?", " ".join(strings(json.loads(text)))))
        assert tags <= {"<br>", "<b>", "</b>", "<extra>", "</extra>"}
    prose = code_removed(markdown)
    assert not re.search(r"<[a-zA-Z/!]", prose)
    assert not re.findall(AUTOLINK, prose, re.I)
    assert all(link.startswith("pictures/") for link in re.findall(r"(?<!\\)\]\(([^)]*)", prose))
    for rows in re.findall(r"(?:^\|.*\|\n?)+", markdown, re.M):
        assert len({columns(row) for row in rows.strip().split("\n")}) == 1, rows


def strings(value: object) -> list[str]:
    """Return every text of plain data."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def columns(row: str) -> int:
    """Return how many bars a row of a Markdown table has that divide it."""
    return re.sub(r"\\.", "", row).count("|")


def hostile_sweep(folder: Path, name: str) -> Path:
    """Write a sweep of which every name, word and reason is hostile."""
    folder.mkdir()
    names = {key: f"{key}{ALL.replace('.', '')}" for key in SPACE}
    wild = [f"<b>{ALL}", ALL]

    def disguise(trial: FrozenTrial) -> FrozenTrial:
        params, forms = dict(trial.params), dict(trial.distributions)
        params["model.net.skip"] = wild[trial.params["model.net.skip"] == "add"]
        forms["model.net.skip"] = CategoricalDistribution(wild)
        info = trial.user_attrs | {
            "reason": ALL,
            "traceback": ALL,
            "overrides": [ALL],
            "summary": f"{ALL}: 1 k, {ALL}",
        }
        return optuna.trial.create_trial(
            state=trial.state,
            values=trial.values,
            params={names[key]: value for key, value in params.items()},
            distributions={names[key]: form for key, form in forms.items()},
            user_attrs=info if trial.state is not TrialState.COMPLETE else info | {"reason": ""},
            intermediate_values=trial.intermediate_values,
        )

    config = yaml.safe_load(MULTIRUN.replace("DIRECTION", "maximize"))
    config["monitor"]["metric"] = ALL
    config["hydra"]["overrides"]["task"].append(f"name={ALL}")
    config["hydra"]["runtime"]["choices"][ALL] = ALL
    (folder / "multirun.yaml").write_text(yaml.safe_dump(config))
    study = optuna.create_study(
        study_name=name, direction="maximize", storage=open_journal(SweepPaths(folder).journal)
    )
    space = {names[key]: rule for key, rule in SPACE.items()}
    space[names["model.net.skip"]] = {"choices": wild}
    study.set_user_attr("space", space)
    plain = [
        (trial, trial.datetime_start, trial.datetime_complete) for trial in make_trials(mixed(24))
    ]
    for trial, start, end in plain:
        wild_trial = disguise(trial)
        wild_trial.datetime_start, wild_trial.datetime_complete = start, end
        study.add_trial(wild_trial)
    return folder


def hostile_run(folder: Path) -> Path:
    """Write a run whose texts are hostile."""
    folder.mkdir(parents=True)
    result = {
        "outcome": "complete",
        "reason": ALL,
        "best": {ALL: 0.5},
        "test": {ALL: 0.5},
        "seconds": 3,
        "cost": {"params": 10, "summary": ALL},
        "wandb": f"javascript:{RUN}",
    }
    (folder / "result.json").write_text(json.dumps(result))
    config = {
        "name": ALL,
        "seed": 0,
        "monitor": {"metric": ALL, "mode": "max"},
        "data": {"_target_": ALL, "path": ALL},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def pages(folder: Path) -> dict[str, Page]:
    """Return a page of every kind."""
    one, other = (
        load_sweep(str(hostile_sweep(folder / name, f"{name} {ALL}")), None)
        for name in ("one", "other")
    )
    runs = folder / "<b>runs"
    run = hostile_run(runs / '"><img src=x onerror=alert(1)>')
    hostile_run(runs / "other `| a")
    board = leaderboard_page(runs, runs_below(runs))
    return {
        "sweep": sweep_page(one),
        "compare": compare_page(one, other),
        "run": run_page(run),
        "board": board,
    }


@pytest.mark.parametrize("name", HOSTILE)
def test_no_block_lets_a_name_become_code(name: str) -> None:
    figure = Figure(
        name,
        [{"type": "scatter", "name": name, "x": [name], "y": [1]}],
        {"xaxis": {"title": {"text": name}}},
        name,
        name,
        instead=Table([name, "b"], [[name, 1]]),
        key=[(name, "@accent")],
    )
    blocks = [
        Text(name),
        Notice(name),
        Bullets([name]),
        Cards([Card(name, name, name)]),
        Code(name),
        Table([name, "b"], [[name, 1]]),
        figure,
        Grid([figure]),
        Fold(name, [Text(name)]),
        Text(f"in `{name}` code"),
    ]
    check(Page(name, name, [Section(name, blocks)]))
    assert "<a " not in str(plotly_figure(figure).to_dict()), "nor in W&B's panel"


def test_no_page_lets_a_name_become_code(tmp_path: Path) -> None:
    for page in pages(tmp_path).values():
        check(page)


def test_no_name_runs_in_a_browser(browser: Chromium, tmp_path: Path) -> None:
    for kind, page in pages(tmp_path).items():
        file = tmp_path / f"{kind}.html"
        file.write_text(to_html(page))
        browser.open(file)
        assert browser.run("document.title") != "pwned"
        assert (
            browser.run(
                "document.querySelectorAll('[onerror], svg a, a:not([href^=\"#\"])').length"
            )
            == 0
        )
        assert browser.requests == []
