"""Networks of permuted positions: images are made and shown with their positions in order."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from convsweep.data.permutation import Permutation
from convsweep.errors import UserError
from convsweep.explain.synth.components.objectives import log_probability
from convsweep.explain.synth.components.training_gaussian import training_samples
from convsweep.explain.synth.context import SynthesisContext
from convsweep.explain.synth.methods.class_images import ClassImages
from convsweep.explain.synth.methods.dream import Dream
from convsweep.explain.synth.opening import from_checkpoint
from convsweep.inference.inference_model import Deployed
from convsweep.training.build import load_model
from convsweep.training.trained import load_trained
from tests.checkpoints import SMALL, write_checkpoint

from .conftest import drawn_subject


def test_the_image_of_a_class_is_that_of_the_network_of_ordered_positions(tmp_path: Path) -> None:
    """A linear classifier of permuted pixels is one of pixels in order with its weights moved."""
    permutation = Permutation((4, 5))
    nets = [nn.Sequential(nn.Flatten(), nn.Linear(20, 3)) for _ in range(2)]
    with torch.no_grad():
        nets[1].load_state_dict(nets[0].state_dict())
        nets[1][1].weight.copy_(nets[0][1].weight[:, permutation.order])
    ordered = drawn_subject((1, 4, 5), 3, nets[0])
    shuffled = replace(drawn_subject((1, 4, 5), 3, nets[1]), permutation=permutation)
    made = [
        ClassImages(tv=0.1, steps=20).run(SynthesisContext(subject, tmp_path / str(index)))[
            "samples"
        ]
        for index, subject in enumerate((ordered, shuffled))
    ]
    torch.testing.assert_close(made[0], made[1])


def test_a_class_at_a_place_is_asked_for_where_it_is_shown() -> None:
    class Planes(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x, torch.zeros_like(x)], dim=1)

    ordered = drawn_subject((1, 4, 4), 2, Planes())
    shuffled = replace(ordered, permutation=Permutation((4, 4)))
    u = torch.randn(1, 1, 4, 4)
    there = [
        log_probability(subject, u, torch.tensor([0]), [0.1, 0.4], 0.2)
        for subject in (ordered, shuffled)
    ]
    torch.testing.assert_close(there[0], there[1])


def test_a_checkpoint_says_that_its_positions_are_permuted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = write_checkpoint(tmp_path / "net.ckpt", *SMALL, "data.permute=true")
    subject = from_checkpoint(str(net), "cpu")
    assert "images are shown with their positions in order" in capsys.readouterr().out
    raw = training_samples(load_trained(net, "cpu"))
    in_order = write_checkpoint(tmp_path / "ordered.ckpt", *SMALL)
    assert torch.equal(raw, training_samples(load_trained(in_order, "cpu")))
    expected = Deployed(load_model(net), permute=True)(raw[:3])
    torch.testing.assert_close(subject.logits(subject.units(raw[:3])).softmax(1), expected)


def test_other_sizes_are_refused_by_one_message(tmp_path: Path) -> None:
    shuffled = replace(drawn_subject(), permutation=Permutation((12, 12)))
    with pytest.raises(
        UserError, match=r"takes samples of \(12, 12\) alone, but these are of \(20, 20\)"
    ):
        ClassImages(steps=1).run(SynthesisContext(shuffled, tmp_path, size=20))
    with pytest.raises(UserError, match=r"dreams at its own size alone; say method\.octaves=1"):
        Dream(octaves=4, steps=1).run(SynthesisContext(shuffled, tmp_path))
    assert (
        Dream(octaves=1, steps=1).run(SynthesisContext(shuffled, tmp_path))["file"] == "dream.png"
    )
