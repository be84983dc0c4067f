"""The pictures of a Markdown page show what the page's figures show, and every link leads to
one.
"""

import io
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas
from PIL import Image

from convsweep.review.report.command import write
from convsweep.review.report.pages.compare import compare_page
from convsweep.review.report.pages.sweep import sweep_page
from convsweep.review.report.rendering.blocks import Drawing, Figure, Grid, Page, Section
from convsweep.review.report.rendering.markdown import to_markdown
from convsweep.review.report.rendering.palette import palette
from convsweep.review.report.rendering.pictures import Pictures
from convsweep.review.report.rendering.static_figures import draw, picture_of
from tests.review.report.conftest import MakeSweep
from tests.review.report.studies import mixed


def axes_of(figure: Figure) -> Any:
    axes = Canvas().subplots()
    draw(axes, figure)
    return axes


def test_points_lines_and_gaps() -> None:
    trace = {
        "type": "scatter",
        "mode": "lines",
        "name": "a",
        "x": [1, 2, None, 3],
        "y": [4, 5, None, 6],
        "line": {"shape": "hv"},
    }
    marks = {
        "type": "scatter",
        "mode": "markers",
        "x": [1],
        "y": [2],
        "marker": {"symbol": "x", "color": "@bad"},
    }
    layout = {"xaxis": {"type": "log", "title": {"text": "cost"}}, "yaxis": {"range": [0, 9]}}
    axes = axes_of(Figure("`a` **b**", [trace, marks], layout))
    line, points = axes.lines
    np.testing.assert_array_equal(line.get_ydata(), [4, 5, math.nan, 6])
    assert (line.get_drawstyle(), points.get_marker(), points.get_color()) == (
        "steps-post",
        "x",
        palette()["bad"],
    )
    assert (axes.get_xscale(), axes.get_xlabel(), axes.get_ylim(), axes.get_title("left")) == (
        "log",
        "cost",
        (0, 9),
        "a b",
    )
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a"]


def test_words_along_an_axis_keep_their_order() -> None:
    trace = {"type": "scatter", "mode": "lines", "x": [0, 1, 2], "y": ["one", None, "two"]}
    axes = axes_of(Figure("", [trace], {"yaxis": {"categoryarray": ["two", "one"]}}))
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [1, math.nan, 0])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["two", "one"]


def test_bars_go_on_where_the_ones_before_end() -> None:
    bars = [
        {"type": "bar", "y": [""], "x": [width], "marker": {"color": "@good"}}
        for width in (3, 4, 5)
    ]
    assert [bar.get_x() for bar in axes_of(Figure("", bars)).patches] == [0, 3, 7]
    beside = {
        "type": "bar",
        "y": ["a", "b"],
        "x": [1, 2],
        "marker": {"color": ["@good", "@bad"]},
        "text": ["1", "2"],
    }
    assert [bar.get_x() for bar in axes_of(Figure("", [beside])).patches] == [0, 0]


def test_maps_and_parallel_axes() -> None:
    scale = {"colorscale": [[0, "#000000"], [1, "#ffffff"]], "reversescale": False}
    heat = {
        "type": "heatmap",
        "x": ["a", "b"],
        "y": ["c"],
        "z": [[1.0, None]],
        "text": [["1<br>(2)", ""]],
        **scale,
    }
    axes = axes_of(Figure("", [heat]))
    assert axes.collections[0].get_array().filled(-1).tolist() == [[1.0, -1.0]]
    assert [text.get_text() for text in axes.texts] == ["1\n(2)", ""]
    ends = {"tickvals": [0, 4], "ticktext": ["low", "high"], "range": [0, 4]}
    dimensions = [
        {"label": name, "values": values, **ends} for name, values in (("a", [0, 1]), ("b", [4, 2]))
    ]
    axes = axes_of(
        Figure(
            "",
            [
                {
                    "type": "parcoords",
                    "dimensions": dimensions,
                    "line": {"color": [0.1, 0.9], **scale},
                }
            ],
        )
    )
    assert [line.tolist() for line in axes.collections[0].get_segments()] == [
        [[0, 0], [1, 1]],
        [[0, 0.25], [1, 0.5]],
    ]


def test_a_picture_has_room_for_all_of_a_grid() -> None:
    one = Figure("a", [{"type": "scatter", "mode": "markers", "x": [1], "y": [1]}], height=190)
    sizes = [
        Image.open(io.BytesIO(picture_of(block))).size
        for block in (one, Grid([one] * 3), Grid([one] * 4))
    ]
    assert sizes[0] == sizes[1]
    assert sizes[2][1] == pytest.approx(2 * sizes[1][1], abs=1)


def test_a_drawing_has_colours_of_its_own() -> None:
    pictures = Pictures("made of parts")
    drawing = Drawing('<svg fill="var(--ink)"/>')
    text = to_markdown(Page("", "", [Section("The winner", [drawing, drawing])]), pictures)
    assert "](made%20of%20parts/the-winner_1.svg)" in text
    assert (
        dict(pictures.contents())["the-winner_2.svg"]
        == f'<svg style="background: {palette()["paper"]}" fill="{palette()["ink"]}"/>'.encode()
    )


@pytest.mark.parametrize("page", ["whole", "two", "failed", "empty"])
def test_every_link_leads_to_a_picture(made: MakeSweep, tmp_path: Path, page: str) -> None:
    pages = {
        "whole": lambda: sweep_page(made(mixed(40), 2)),
        "two": lambda: compare_page(made(mixed(20), name="one"), made(mixed(30), name="other")),
        "failed": lambda: sweep_page(made(["error"] * 3)),
        "empty": lambda: sweep_page(made([])),
    }
    file = write(pages[page](), tmp_path / "out" / "page.html")[1]
    links = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", file.read_text())
    folder = file.parent / "page_pictures"
    assert {Path(link).name for link in links} == {
        path.name for path in (folder.iterdir() if folder.exists() else ())
    }
    assert len(links) == {"whole": 12, "two": 4, "failed": 2, "empty": 0}[page]
    for link in links:
        with Image.open(file.parent / link) as picture:
            assert len(picture.convert("RGB").getcolors(1 << 24)) > 2
