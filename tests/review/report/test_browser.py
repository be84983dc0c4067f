"""A report in a real browser: no complaint, nothing fetched, everything drawn, light and dark, wide
and on a phone.
"""

from pathlib import Path

import pytest

from convsweep.review.report.command import write
from convsweep.review.report.pages.compare import compare_page
from convsweep.review.report.pages.sweep import sweep_page
from tests.review.report.chromium import Chromium
from tests.review.report.conftest import MakeSweep
from tests.review.report.studies import mixed

pytestmark = pytest.mark.long

DRAWN = "[...document.querySelectorAll('.plot')].every(box => box.querySelector('.main-svg'))"
LARGEST = 10e6


def opened(browser: Chromium, file: Path, **screen: object) -> None:
    """Open a page and check what holds for every one."""
    browser.open(file, **screen)  # type: ignore[arg-type]
    assert browser.run(DRAWN)
    assert browser.run("document.documentElement.scrollWidth") <= browser.run("innerWidth"), (
        "the page itself never scrolls sideways"
    )
    assert browser.complaints == []
    assert browser.requests == []


@pytest.mark.parametrize(
    "kinds",
    [[], ["error"] * 3, mixed(5)],
    ids=["empty", "failed", "five"],
)
def test_every_sweep_is_shown_on_every_screen(
    browser: Chromium, made: MakeSweep, tmp_path: Path, kinds: list[str]
) -> None:
    file, _ = write(sweep_page(made(kinds)), tmp_path / "report.html")
    opened(browser, file)
    opened(browser, file, width=390, height=844, scheme="dark")


def test_two_objectives_and_two_sweeps_are_shown(
    browser: Chromium, made: MakeSweep, tmp_path: Path
) -> None:
    one, other = (
        made(mixed(30), 2, "depth_kernel_image_folder"),
        made(mixed(40), 2, "depth_kernel_image_folder_confirmed"),
    )
    opened(browser, write(sweep_page(one), tmp_path / "one.html")[0])
    opened(
        browser, write(compare_page(one, other), tmp_path / "two.html")[0], width=390, height=844
    )


def test_light_and_dark_follow_the_system_and_the_switch(
    browser: Chromium, made: MakeSweep, tmp_path: Path
) -> None:
    file, _ = write(sweep_page(made([*mixed(30), "running"])), tmp_path / "report.html")
    colour = (
        "getComputedStyle(document.querySelector('.plot .xtick text')).fill +"
        " getComputedStyle(document.body).backgroundColor"
    )
    opened(browser, file, width=390, height=844, scheme="dark")
    dark = browser.run(colour)
    opened(browser, file, scheme="light")
    light = browser.run(colour)
    assert dark != light
    browser.run("document.getElementById('theme').click()")
    browser.wait(f"{colour} === {dark!r}")
    browser.run("document.getElementById('theme').click()")
    browser.wait(f"{colour} === {light!r}")
    browser.run("localStorage.clear()")
    assert browser.complaints == []


def test_five_thousand_trials_are_drawn_thinned_sorted_and_paged(
    browser: Chromium, made: MakeSweep, tmp_path: Path
) -> None:
    file, _ = write(sweep_page(made(mixed(2000))), tmp_path / "report.html")
    assert file.stat().st_size < LARGEST
    opened(browser, file)
    browser.run("window.fold = document.querySelector('#all-trials details'); fold.open = true")
    rows = "[...fold.querySelectorAll('tbody tr')].map(row => row.cells[0].textContent)"
    assert browser.run(rows) == [str(number) for number in range(15)]
    browser.run("fold.querySelectorAll('.pager button')[1].click()")
    assert browser.run(rows) == [str(number) for number in range(15, 30)]
    browser.run("fold.querySelector('th').click(); fold.querySelector('th').click()")
    assert browser.run(rows) == [str(number) for number in range(1999, 1984, -1)]
    assert browser.run("fold.querySelector('.pager span').textContent") == "1 to 15 of 2000"
    assert browser.complaints == []
