"""The first filters decorrelate patches, are kept in training, and are refused where they
cannot.
"""

import re

import pytest
import torch
from torch.nn import functional as F

from convsweep.data.sources.digits import Digits
from convsweep.training.build import load_model
from convsweep.training.callbacks.whitened_stem import covariance, patches, whitening_filters
from tests.conftest import Train

WHITENED = (
    "+callbacks.whitened_stem._target_=convsweep.training.callbacks.whitened_stem.WhitenedStem"
)
STEM = ["model.net.stem.kernel_size=2", "model.net.stem.padding=valid", "model.net.stem.norm=none"]


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_patches_are_what_a_convolution_sees(dim: int) -> None:
    x, window = torch.randn(2, 3, *range(5, 5 + dim)), (2, 3, 2)[:dim]
    weight = torch.randn(4, 3, *window)
    convolution = (F.conv1d, F.conv2d, F.conv3d)[dim - 1]
    seen = patches(x, window) @ weight.flatten(1).T
    torch.testing.assert_close(
        seen, convolution(x, weight).movedim(1, -1).reshape(-1, 4), atol=1e-4, rtol=1e-4
    )


def test_answers_are_uncorrelated_and_of_variance_one_the_most_varied_direction_first() -> None:
    torch.manual_seed(0)
    rows = (
        torch.randn(500, 5)
        @ torch.diag(torch.tensor([9.0, 1.0, 4.0, 2.0, 3.0]))
        @ torch.linalg.qr(torch.randn(5, 5))[0]
    )
    seen = covariance(rows.split(300))
    torch.testing.assert_close(seen.float(), rows.T.cov(), atol=1e-3, rtol=1e-5)
    filters = whitening_filters(seen, 5, eps=0.0)
    torch.testing.assert_close((rows @ filters.T).T.cov(), torch.eye(5), atol=1e-4, rtol=1e-4)
    assert filters.norm(dim=1).diff().min() > 0, "what varies more is divided by more"
    torch.testing.assert_close(whitening_filters(seen, 2, eps=0.0), filters[:2])


def test_a_training_keeps_the_filters_and_learns_the_rest(train: Train) -> None:
    folder = train("trainer.max_epochs=2", "model.net.stem.width=8", *STEM, WHITENED)
    model, data = load_model(folder / "checkpoints" / "best.ckpt"), Digits(batch_size=64)
    conv = model.net.stem[0][0]  # type: ignore[index, union-attr]
    x = model.normalize(torch.from_numpy(data.train.x[:]))
    answers = F.conv2d(x, conv.weight).movedim(1, -1).reshape(-1, 8)
    assert torch.equal(conv.weight[:4], -conv.weight[4:])
    torch.testing.assert_close(answers[:, :4].T.cov(), torch.eye(4), atol=5e-3, rtol=0)
    assert conv.bias.abs().min() > 0, "learnt"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["model.net.stem.width=3", *STEM],
            r"even number of first filters, at most 8 .*, but there are 3; set model\.net\.stem",
        ),
        (["model.net.stem.width=10", *STEM], "but there are 10"),
        (["model/net=mlp"], "needs a network that begins with a convolution"),
    ],
)
def test_networks_that_cannot_are_refused(
    train: Train, overrides: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        train("trainer=cpu", "logger=none", *overrides, WHITENED, quick=False)
    assert re.search(message, " ".join(capsys.readouterr().err.split()))
