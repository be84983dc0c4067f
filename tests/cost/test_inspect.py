"""The command that shows a network: a table whose columns add up, and nothing written."""

import re
from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torchvision.models import resnet18

from convsweep.cli.console import console
from convsweep.cost import measure
from convsweep.cost.table import cost_table, fold_layers, rows
from convsweep.errors import UserError
from convsweep.explain import inspect
from convsweep.nets.convnet import ConvNet


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[str, str]:
    """Return what the command prints to stdout and stderr."""
    monkeypatch.setattr("sys.argv", ["inspect", *arguments])
    monkeypatch.setattr(console, "_width", 140)
    inspect.main()
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_default_network_is_shown_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    out, _ = run(monkeypatch, capsys)
    assert "ConvNet on 1x8x8" in out
    assert "feasible" in out
    assert re.search(r"stages\.0\.0\.0\.0.*Conv2d.*32x8x8.*288.*18\.4 k.*3", out)
    assert not list(tmp_path.iterdir())


def test_a_network_is_shown_inside_a_run_folder_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    monkeypatch.chdir(tmp_path)
    assert "feasible" in run(monkeypatch, capsys)[0]


def test_infeasible_network_is_shown_and_the_reason_ends_with_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit:
        run(monkeypatch, capsys, "budget.max_params=10k", "depth=1")
    assert exit.value.code == 1
    captured = capsys.readouterr()
    assert "stages" in captured.out
    assert "feasible" not in captured.out
    assert captured.err.startswith("Error: budget.max_params=10k is exceeded")


@pytest.mark.parametrize("depth", ["0", "two", "", "-1"])
def test_depth_is_checked(depth: str) -> None:
    with pytest.raises(UserError, match=r"depth must be a whole number >= 1"):
        inspect.take_depth([f"depth={depth}"])


def test_a_layer_takes_one_line_of_80_characters() -> None:
    with torch.device("meta"):
        net = ConvNet((3, 32, 32), 4, num_stages=2, num_blocks=2, width=32, kernel_size=3)
    cost = measure(net, (3, 32, 32))
    terminal = Console(width=80, file=StringIO())
    terminal.print(cost_table(cost))
    assert isinstance(terminal.file, StringIO)
    lines = terminal.file.getvalue().splitlines()
    for layer in rows(cost):
        assert any(line.split()[:2] == [layer.name, layer.kind] for line in lines), layer.name


def test_rows_and_groups_add_up() -> None:
    with torch.device("meta"):
        cost = measure(resnet18(), (3, 224, 224))
    for layers in (rows(cost), fold_layers(rows(cost), 1), fold_layers(rows(cost), 2)):
        assert sum(layer.params for layer in layers) == cost.params
        assert sum(layer.macs for layer in layers) == cost.macs
        assert sum(layer.activations for layer in layers) == cost.activations
    stages = {layer.name: layer for layer in fold_layers(rows(cost), 1)}
    assert list(stages) == ["conv1", "bn1", "maxpool", "layer1", "layer2", "layer3", "layer4", "fc"]
    seen = [stages[f"layer{number}"].receptive_field for number in (1, 2, 3, 4)]
    assert [field.size[0] for field in seen if field] == [43, 99, 211, 435]
    assert cost_table(cost).row_count == len(rows(cost))
