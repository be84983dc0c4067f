"""Sources of a report are found and read without being written to, or refused by one message."""

import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from convsweep.errors import UserError
from convsweep.review.report.command import command_parser, main, page_of
from convsweep.review.report.source import find_study, load_sweep
from convsweep.review.report.trial_files import trial_checkpoint
from convsweep.run_folder import write_result
from hydra_study.storage.journal import open_journal
from tests.read_only import run_read_only
from tests.review.report.studies import make_sweep, make_trials

REFUSE = """
import sys
from convsweep.review.report.command import main
sys.argv = ["report", "nowhere"]
try:
    main()
except SystemExit:
    print(sorted({"torch", "sklearn", "scipy", "plotly"} & set(sys.modules)))
"""


def page_title(*arguments: str) -> str:
    return page_of(command_parser().parse_args(list(arguments))).title


def test_a_study_is_read_without_a_trace(tmp_path: Path) -> None:
    folder = make_sweep(tmp_path / "made", ["complete"] * 3)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    sweep = load_sweep(str(folder), None)
    assert len(sweep.trials) == 3
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert load_sweep(str(folder / "study.journal"), None).name == "made"


def test_a_read_only_sweep_is_reported_to_another_folder(tmp_path: Path) -> None:
    folder = make_sweep(tmp_path / "made", ["complete"] * 3 + ["running"])
    told = run_read_only(
        folder, "-m", "convsweep", "report", str(folder), "--out", str(tmp_path / "elsewhere")
    )
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "elsewhere" / "report.html").is_file()
    assert (tmp_path / "elsewhere" / "report.md").is_file()
    refused = run_read_only(folder, "-c", REFUSE.replace("nowhere", str(folder)))
    assert refused.stdout.splitlines() == ["[]"], "before the page is made"
    assert "Traceback" not in refused.stderr
    assert "must go to a folder that can be written to" in refused.stderr
    assert "use --out" in refused.stderr


def test_the_checkpoint_of_a_sweep_that_was_moved_is_found(tmp_path: Path) -> None:
    sweep = load_sweep(str(make_sweep(tmp_path / "made", ["complete"] * 2)), None)
    assert sweep.folder is not None
    for number, trial in enumerate(sweep.trials):
        trial.user_attrs["folder"] = f"/from/where/it/was/moved/{number}"
    assert trial_checkpoint(sweep, sweep.trials[1]) is None
    checkpoint = sweep.folder / "1" / "checkpoints" / "best.ckpt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    assert trial_checkpoint(sweep, sweep.trials[1]) is None, (
        "the run says which checkpoint is its best"
    )
    write_result(sweep.folder / "1", {"checkpoint": "checkpoints/best.ckpt"})
    assert trial_checkpoint(sweep, sweep.trials[1]) == checkpoint
    assert trial_checkpoint(sweep, sweep.trials[0]) is None


def test_a_torn_last_line_is_left_to_the_workers(tmp_path: Path) -> None:
    folder = make_sweep(tmp_path / "made", ["complete"] * 3)
    with (folder / "study.journal").open("a") as journal:
        journal.write('{"op_code": 4, "work')
    assert len(load_sweep(str(folder), None).trials) == 3


def test_a_database_is_read_by_its_url(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    for name in ("one", "two"):
        optuna.create_study(study_name=name, storage=url, direction="maximize").add_trials(
            make_trials(["complete"])
        )
    assert load_sweep(url, "two").name == "two"
    with pytest.raises(UserError, match="2 studies; name one by --study NAME: one, two"):
        load_sweep(url, None)
    with pytest.raises(UserError, match="no study 'tow'; did you mean 'two'"):
        load_sweep(url, "tow")


def test_a_sweep_whose_study_is_in_a_database_is_found_by_its_folder(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    optuna.create_study(study_name="far", storage=url, direction="minimize")
    (tmp_path / "multirun.yaml").write_text(
        f"hydra: {{sweeper: {{storage: '{url}', study_name: far}}}}"
    )
    assert load_sweep(str(tmp_path), None).name == "far"


def test_the_study_of_a_folder_is_named_by_its_config_also_where_that_refers_to_itself(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    for name in ("depth_digits", "other"):
        optuna.create_study(study_name=name, storage=url)
    sweeper = f"{{storage: '{url}', study_name: 'depth_${{hydra.runtime.choices.data}}'}}"
    (tmp_path / "multirun.yaml").write_text(
        f"hydra: {{sweeper: {sweeper}, runtime: {{choices: {{data: digits}}}}}}"
    )
    assert load_sweep(str(tmp_path), None).name == "depth_digits"
    assert load_sweep(str(tmp_path), "other").name == "other"
    (tmp_path / "multirun.yaml").write_text(
        "hydra: {sweeper: {storage: '${oc.env:NO_SUCH_VARIABLE}'}}"
    )
    with pytest.raises(
        UserError, match=r"cannot be determined from its multirun\.yaml: .*NO_SUCH_VARIABLE"
    ):
        load_sweep(str(tmp_path), None)


def test_a_found_study_is_read_as_it_grows(tmp_path: Path) -> None:
    found = find_study(str(make_sweep(tmp_path / "made", ["complete"] * 3)), None)
    assert len(found.read().trials) == 3
    writer = optuna.load_study(
        study_name="made", storage=open_journal(tmp_path / "made" / "study.journal")
    )
    writer.add_trials(make_trials(["complete"] * 2))
    assert len(found.read().trials) == 5


def test_a_journal_elsewhere_is_found_from_where_the_sweep_was_started(tmp_path: Path) -> None:
    shared = make_sweep(tmp_path / "shared", ["complete"] * 2, name="far") / "study.journal"
    folder = tmp_path / "sweep"
    folder.mkdir()
    sweeper = (
        f"{{sweeper: {{storage: shared/{shared.name}, study_name: far}}, runtime: {{cwd:"
        f" '{tmp_path}'}}}}"
    )
    (folder / "multirun.yaml").write_text(f"hydra: {sweeper}")
    assert len(load_sweep(str(folder), None).trials) == 2


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///nowhere.db", "nowhere.db is not a file"),
        ("nonsense://x", "a storage URL must be one that Optuna can open"),
        ("mysql+nodriver://x/y", "a storage URL must be one that Optuna can open"),
    ],
)
def test_a_wrong_url_is_one_message(url: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_sweep(url, None)


def test_a_missing_driver_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'hydra-study-sweeper\[postgresql"):
        load_sweep("postgresql://me@host/studies", None)


def test_what_holds_nothing_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "bad.journal").write_text("no journal\nat all\n")
    (tmp_path / "binary.journal").write_bytes(bytes(range(256)))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.journal").touch()
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "multirun.yaml").write_text("hydra: {}")
    for source, message in {
        "gone": (
            "a study is in a sweep's folder, a journal or a storage, by URL, but .*gone is not"
            " there"
        ),
        "empty": "holds none of them",
        "bad.journal": "cannot be read as a study's journal",
        "empty.journal": "holds none yet",
        "begun": "has no study.journal",
        "binary.journal": (
            r"cannot be read as a study's journal \(UnicodeDecodeError\); name a sweep's"
            r" study.journal"
        ),
    }.items():
        with pytest.raises(UserError, match=message):
            page_title(str(tmp_path / source))
    with pytest.raises(
        UserError,
        match=(
            "a study is in a sweep's folder, a journal or a storage, by URL, but gone is not there"
        ),
    ):
        page_title("--compare", "gone", str(tmp_path / "begun"))


def test_a_multirun_of_hydra_itself_is_a_folder_of_runs(tmp_path: Path) -> None:
    (tmp_path / "multirun.yaml").write_text("hydra: {sweeper: {max_batch_size: null}}")
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "result.json").write_text("{}")
    assert page_title(str(tmp_path)) == f"Runs in {tmp_path.name}"


def test_what_is_not_there_is_said_before_anything_slow_is_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", REFUSE], capture_output=True, text=True, check=True
    )
    assert "nowhere is not there" in done.stderr
    assert done.stdout.splitlines() == ["[]"]


def test_the_command_writes_both_files_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_sweep(tmp_path / "made", ["complete"] * 3)
    monkeypatch.setattr("sys.argv", ["report", str(folder)])
    with pytest.raises(SystemExit) as exit:
        main()
    assert exit.value.code == 0
    assert {"report.html", "report.md"} <= {path.name for path in folder.iterdir()}
    assert f"{folder / 'report.html'} (" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["report", str(tmp_path / "gone")])
    with pytest.raises(SystemExit) as exit:
        main()
    assert exit.value.code == 1
    assert capsys.readouterr().err.startswith(
        "Error: a study is in a sweep's folder, a journal or a storage, by URL, but"
    )
