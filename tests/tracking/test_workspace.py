"""A view that a W&B server is given shows one study: its runs alone, the columns of what was
searched, the panels.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.review.report.studies import make_sweep, mixed
from wandb_server import WandbServer

from convsweep.errors import MissingExtraError, UserError
from convsweep.review.wandb_study import workspace


def uploaded(folder: Path, url: str | None) -> Path:
    """Return a sweep whose run is on a server, or was logged offline."""
    make_sweep(folder, mixed(10), name="depth")
    run = {"id": "a", "url": url, "entity": "local", "project": "convsweep", "group": "depth"}
    (folder / "wandb.json").write_text(json.dumps(run))
    return folder


def panels_of(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the configs of a view's panels by the kind of panel."""
    sections = view["spec"]["section"]["panelBankConfig"]["sections"]
    return {
        panel["viewType"]: panel["config"] for section in sections for panel in section["panels"]
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the package, when it is imported
def test_the_view_of_a_study(server: WandbServer, tmp_path: Path) -> None:
    pytest.importorskip("wandb_workspaces", reason="needs the extra workspace")
    address = workspace.save(uploaded(tmp_path / "depth", f"{server.url}/local/convsweep/runs/a"))
    (view,) = server.book.views.values()
    assert (view["entityName"], view["projectName"], view["displayName"]) == (
        "local",
        "convsweep",
        "study depth",
    )
    assert address.startswith(f"{server.url}/local/convsweep?nw=")
    (runs,) = view["spec"]["section"]["runSets"]
    assert '"name": "group"' in json.dumps(runs["filters"])
    assert '"value": "depth"' in json.dumps(runs["filters"])
    assert runs["sort"]["keys"][0] == {
        "key": {"section": "summary", "name": "best/val/accuracy"},
        "ascending": False,
    }
    assert "config:model.value.net.num_stages" in runs["runFeed"]["columnPinned"]
    assert not any("$" in name for name in runs["runFeed"]["columnPinned"])
    panels = panels_of(view)
    parallel = [column["accessor"] for column in panels["Parallel Coordinates Plot"]["columns"]]
    assert "config:model.value.net.num_stages" in parallel
    assert parallel[-1] == "summary:best/val/accuracy"
    assert (panels["Scatter Plot"]["xAxis"], panels["Scatter Plot"]["yAxis"]) == (
        "summary:cost/macs",
        "summary:best/val/accuracy",
    )
    assert panels["Run Comparer"]["diffOnly"] is True
    assert panels["Run History Line Plot"]["metrics"] == ["val/accuracy"]
    assert panels["Media Browser"]["mediaKeys"] == ["predictions/val"]


def test_a_study_that_is_not_on_a_server_is_synced_first(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no run there; sync it"):
        workspace.save(uploaded(tmp_path / "depth", None))


def test_the_package_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'convsweep\[workspace\]'"):
        workspace.save(uploaded(tmp_path / "depth", "http://there"))
