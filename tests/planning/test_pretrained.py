"""Published weights in a plan: what follows from them, and where they are suggested."""

import pytest

from convsweep.planning.decisions import Decisions
from convsweep.planning.given import parse_given
from convsweep.planning.look.look import Look
from convsweep.planning.measure import Measured
from convsweep.planning.rules.network import decide_network
from convsweep.planning.rules.pretrained import decide_pretrained, suggest_pretrained
from convsweep.planning.rules.training import decide_lr
from convsweep.task import CLASSIFICATION, DENOISING, SEGMENTATION


def decided(*overrides: str) -> Decisions:
    return Decisions(parse_given(["data=digits", *overrides]))


def a_look(*in_shape: int, task: str = CLASSIFICATION, num_train: int = 100) -> Look:
    return Look(task, list(in_shape), ["a", "b"], {"train": num_train})


def test_published_weights_settle_network_and_recipe() -> None:
    decisions = decided("init_from=imagenet")
    decide_pretrained(decisions, a_look(3, 64, 64))
    decide_network(decisions, a_look(3, 64, 64), 16)
    assert decisions.get("model/net") == "resnet18"
    assert decisions.get("model.net.num_stages") is None
    assert decide_lr(decisions, Measured(1.0, 1.0, None, 8)) == 0.002


@pytest.mark.parametrize(
    ("look", "given", "is_suggested"),
    [
        (a_look(3, 64, 64), [], True),
        (a_look(3, 224, 300, task=SEGMENTATION), [], True),
        (a_look(3, 64, 64, num_train=6000), [], False),
        (a_look(3, 32, 32), [], False),
        (a_look(1, 64, 64), [], False),
        (a_look(3, 64, 64, 64), [], False),
        (a_look(3, 64), [], False),
        (a_look(3, 64, 64, task=DENOISING), [], False),
        (a_look(3, 64, 64), ["init_from=imagenet"], False),
        (a_look(3, 64, 64), ["model/net=resnet18"], False),
        (a_look(3, 64, 64), ["model.net.width=8"], False),
    ],
)
def test_published_weights_are_suggested_for_few_colour_images(
    look: Look, given: list[str], is_suggested: bool
) -> None:
    said = suggest_pretrained(decided(*given), look)
    assert (said is not None and "init_from=imagenet" in said) is is_suggested
