"""Options that are words are held to those that the constructor, or what it hands on, allows."""

import pytest

from convsweep.data.arrays import Arrays
from convsweep.data.volumes import Volumes
from convsweep.errors import UserError
from convsweep.words import check_words


@pytest.mark.parametrize("source", [Arrays, Volumes])
def test_what_has_labels_is_for_no_denoiser(source: type) -> None:
    with pytest.raises(UserError, match=r"data\.task must be one of classification, segmentation, but is 'denoising'"):
        check_words("data", source, {"task": "denoising"})


def test_options_that_are_handed_on_are_checked() -> None:
    check_words("data", Arrays, {"channels": "last", "hold": "disk", "augment_by": "sample"})
    with pytest.raises(UserError, match=r"data\.hold must be one of .*did you mean 'disk'"):
        check_words("data", Arrays, {"hold": "dsk"})
