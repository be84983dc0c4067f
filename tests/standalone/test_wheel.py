"""The sweeper alone: its wheel in an environment that has neither torch, Lightning nor
convsweep.
"""

import csv
import shutil
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "packages" / "hydra-study-sweeper"
SUITES = ROOT / "tests" / "hydra_study" / "test_conformance.py"
APPLICATION = """
import sys
import hydra
from hydra_study import Pruned, trial

@hydra.main(version_base=None, config_path="configs", config_name="train")
def main(cfg):
    assert not {"torch", "lightning", "convsweep"} & set(sys.modules)
    for step in range(1, 4):
        value = (cfg.x - 1) ** 2 + 1 / step
        if (link := trial.current()) and link.report(step, value):
            raise Pruned("no future")
    return value

if __name__ == "__main__":
    main()
"""

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("uv") is None, reason="uv builds and installs the wheel"),
]


def run(folder: Path, *command: str) -> str:
    """Run a command to its end and return what it printed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of both distributions, the sweeper's built from its source distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    run(folder, "uv", "build", "-q", "-o", str(folder), str(PROJECT))
    run(folder, "uv", "build", "-q", "--wheel", "-o", str(folder), str(ROOT))
    return {path.name.split("-")[0]: path for path in folder.glob("*.whl")}


@pytest.fixture(scope="module")
def python(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment of the wheel, pytest and the next release of Hydra; that
    which the project has is tested by all other tests.
    """
    folder = tmp_path_factory.mktemp("environment")
    run(folder, "uv", "venv", "-q", "venv")
    path = str(folder / "venv" / "bin" / "python")
    needed = [str(wheels["hydra_study_sweeper"]), "hydra-core==1.4.0rc3", "pytest"]
    run(folder, "uv", "pip", "install", "-q", "--prerelease=allow", "--python", path, *needed)
    return path


def test_no_file_belongs_to_both_distributions(wheels: dict[str, Path]) -> None:
    engine, application = (
        {*ZipFile(wheels[name]).namelist()} for name in ("hydra_study_sweeper", "convsweep")
    )
    source = ("hydra_study", "hydra_plugins/study")
    expected = {
        str(path.relative_to(ROOT / "src"))
        for part in source
        for path in (ROOT / "src" / part).rglob("*.*")
    }
    assert {name for name in engine if ".dist-info/" not in name} == {
        name for name in expected if not name.endswith(".pyc")
    }
    assert "convsweep/training/run.py" in application
    assert not engine & application


def test_a_plain_application_is_searched(python: str, tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "train.yaml").write_text("x: 0.0\n")
    (tmp_path / "sweeps").mkdir()  # a folder of spaces beside the configs
    space = 'hydra: {sweeper: {params: {x: "choice(0,0.5,1,3)"}}}'
    (tmp_path / "sweeps" / "line.yaml").write_text(space)
    (tmp_path / "app.py").write_text(APPLICATION)
    sweeper = [
        "hydra/sweeper=study",
        "hydra/sweeper/pruner=threshold",
        "hydra.sweeper.pruner.upper=1.9",
        "hydra.sweeper.view=none",
    ]
    command = [
        python,
        "app.py",
        "-m",
        *sweeper,
        "hydra.sweeper.slots=2",
        "hydra.sweeper.n_trials=4",
        "+sweeps=line",
    ]
    printed = run(tmp_path, *command, "hydra/sweeper/sampler=grid")
    assert "already registered" not in printed
    rows = list(
        csv.DictReader((tmp_path / "multirun" / "app" / "sweep.csv").read_text().splitlines())
    )
    kinds = {float(row["x"]): row["kind"] for row in rows}
    assert kinds == {0: "pruned", 0.5: "complete", 1: "complete", 3: "pruned"}


def test_the_suites_of_hydra_pass(python: str, tmp_path: Path) -> None:
    shutil.copy(SUITES, tmp_path)
    assert " passed" in run(
        tmp_path,
        python,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        ".",
        SUITES.name,
    )
