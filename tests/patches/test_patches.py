"""Every patch is a whole record, fits what is installed, and is left out where its ground is
another one.
"""

import logging
from dataclasses import replace
from importlib import metadata

import pytest
from packaging.specifiers import SpecifierSet

from convsweep.errors import UserError
from convsweep.patches import Patch, applied_patches, apply_patches, is_usable, patch, use
from convsweep.patches.__main__ import page
from convsweep.patches.patch import VARIABLE, all_patches, takes
from tests.conftest import ROOT

EVERY = pytest.mark.parametrize("entry", all_patches(), ids=lambda entry: entry.name)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has been asked or applied, and all is on."""
    monkeypatch.setattr(patch, "_usable", {})
    monkeypatch.setattr(patch, "_applied", [])
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What the log is told."""
    caplog.set_level(logging.INFO, logger="convsweep")
    return caplog


def a_patch(**fields: object) -> Patch:
    """An entry that fits."""
    calls: list[str] = []
    whole = Patch(
        name="of_a_test",
        what="Does nothing",
        why="bug",
        reason="a test",
        tested={"pytest": ">=1"},
        check=lambda: True,
        apply=lambda: calls.append("called") or len(calls),
        without="nothing is done",
    )
    return replace(whole, **fields)  # type: ignore[arg-type]


@EVERY
def test_records_are_complete_and_fit_what_is_installed(entry: Patch) -> None:
    assert entry.name.isidentifier()
    assert all(
        text and not text.endswith(".") for text in (entry.what, entry.reason, entry.without)
    )
    assert entry.why in ("bug", "speed")
    assert entry.tested
    for package, specifier in entry.tested.items():
        operators = {one.operator for one in SpecifierSet(specifier)}
        assert operators & {"<", "<=", "==", "~="}, f"{package} {specifier} has no upper bound"
        assert SpecifierSet(specifier).contains(metadata.version(package), prereleases=True)
    assert entry.check()


def test_names_are_of_one_patch_each() -> None:
    names = [entry.name for entry in all_patches()]
    assert len(names) == len(set(names))


@EVERY
def test_no_entry_is_usable_beyond_its_versions(
    entry: Patch, said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patch, "version", lambda package: "999.0")
    assert not is_usable(entry)
    assert not is_usable(entry)
    assert len(said.messages) == 1
    assert said.messages[0].startswith(
        f"patch {entry.name} is not applied: {next(iter(entry.tested))} is 999.0, tested with "
    )
    assert said.messages[0].endswith(f"; instead: {entry.without}")


@EVERY
def test_the_page_tells_of_every_entry(entry: Patch) -> None:
    told = " ".join(page(all_patches()).split())
    assert f"## {entry.name} {entry.what}. - Why ({entry.why}): {entry.reason}." in told


def test_the_page_in_docs_is_the_one_that_is_printed() -> None:
    assert (ROOT / "docs" / "patches.md").read_text() == page(all_patches()), (
        "python -m convsweep.patches > docs/patches.md"
    )


def test_a_patch_that_fits_is_applied_once_and_listed() -> None:
    entry = a_patch()
    apply_patches([entry, entry])
    apply_patches([entry])
    assert applied_patches() == ["of_a_test"]
    assert use(entry) == 2, "one call by apply_patches, one by use"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"tested": {"pytest": "<1"}}, f"pytest is {metadata.version('pytest')}, tested with <1"),
        (
            {"tested": {"no-such-package": ">=1"}},
            "no-such-package is not installed, tested with >=1",
        ),
        ({"check": lambda: False}, "what it replaces is not as expected"),
        (
            {"check": lambda: takes("json:JSONDecoder.decode", "self", "s")},
            "what it replaces is not as expected",
        ),
        (
            {"check": lambda: takes("json:JSONDecoder.gone", "self")},
            "what it replaces is not there (type object",
        ),
        (
            {"check": lambda: takes("json.gone:load", "fp")},
            "what it replaces is not there (No module named 'json.gone')",
        ),
    ],
)
def test_a_patch_on_other_ground_is_left_out(
    fields: dict[str, object], reason: str, said: pytest.LogCaptureFixture
) -> None:
    entry = a_patch(**fields)
    apply_patches([entry])
    assert use(entry) is None
    assert applied_patches() == []
    (message,) = said.messages
    assert message.startswith(f"patch of_a_test is not applied: {reason}")
    assert message.endswith("; instead: nothing is done")


def test_the_variable_turns_all_off(
    said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "none")
    assert not any(is_usable(entry) for entry in (a_patch(), *all_patches()))
    assert (
        said.messages[0]
        == f"patch of_a_test is not applied: {VARIABLE}=none; instead: nothing is done"
    )


def test_the_variable_names_what_stays_on(monkeypatch: pytest.MonkeyPatch) -> None:
    others = (a_patch(), a_patch(name="another"))
    monkeypatch.setattr(patch, "all_patches", lambda: others)
    monkeypatch.setenv(VARIABLE, "another")
    assert [is_usable(entry) for entry in others] == [False, True]


def test_a_name_that_is_no_patch_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patch, "all_patches", lambda: (a_patch(),))
    monkeypatch.setenv(VARIABLE, "of_a_tset")
    with pytest.raises(
        UserError,
        match=r"CONVSWEEP_PATCHES must be .*, but has 'of_a_tset'; did you mean 'of_a_test'\?",
    ):
        is_usable(a_patch())
