"""Options of a method are of the kinds that its annotations say."""

from typing import Any

import pytest

from convsweep.errors import UserError
from convsweep.explain.synth.components.parameterization import Fourier
from convsweep.explain.synth.methods.class_images import ClassImages
from convsweep.explain.synth.methods.dream import Dream
from convsweep.explain.synth.methods.style import Style
from convsweep.explain.synth.option_kinds import check_kinds


@pytest.mark.parametrize(
    ("target", "options"),
    [
        (ClassImages, {"classes": ["3", 4], "steps": 5, "lr": 1, "place": [0.5, 1], "noise": 0.1}),
        (ClassImages, {"classes": None, "place": None}),
        (Dream, {"layer": None, "channel": 3, "start": "photo.jpg", "_target_": "dream"}),
        (Style, {"styles": ["a.jpg"], "lr": None, "style_shares": [1, 2.5], "optimizer": "adam"}),
        (Fourier, {"decay": 1}),
    ],
)
def test_what_suits_passes(target: Any, options: dict[str, Any]) -> None:
    check_kinds("method", target, options)


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        (ClassImages, {"lr": "fast"}, r"method\.lr must be a number, but is 'fast'$"),
        (ClassImages, {"steps": 2.5}, r"method\.steps must be a whole number, but is 2\.5$"),
        (ClassImages, {"jitter": True}, r"method\.jitter must be a whole number, but is True$"),
        (
            ClassImages,
            {"classes": "Bag"},
            r"must be a list, each .* or null, but is 'Bag'; say 'method\.classes=\[Bag\]'$",
        ),
        (ClassImages, {"place": 0.5}, r"say 'method\.place=\[0\.5\]'$"),
        (
            ClassImages,
            {"place": ["left", 0.5]},
            r"must be a list, each a number or null, but is \['left', 0\.5\]$",
        ),
        (
            Dream,
            {"channel": "all"},
            r"method\.channel must be a whole number or null, but is 'all'$",
        ),
        (Fourier, {"decay": None}, r"method\.decay must be a number, but is None$"),
    ],
)
def test_what_does_not_is_named(target: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_kinds("method", target, options)
