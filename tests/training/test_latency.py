"""Latency is measured where a limit or an objective wants it, and a slow network is refused."""

import pytest
import torch

from convsweep.errors import InfeasibleError, UserError
from convsweep.training.latency import latency_record
from tests.cost.test_feasibility import shaped


def test_latency_is_measured_where_a_limit_or_an_objective_asks_for_it() -> None:
    assert latency_record(shaped()) == {}
    torch.manual_seed(3)
    before = torch.get_rng_state()
    known = latency_record(shaped("objectives=[val/accuracy,latency_ms]"))
    assert known["latency_ms"] > 0 < known["latency_spread_ms"]
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(
        InfeasibleError, match=r"budget.max_latency_ms=1e-05 is exceeded: a forward pass takes "
    ) as caught:
        latency_record(shaped("budget.max_latency_ms=1e-5"))
    assert caught.value.excess > 1


def test_latency_grows_with_the_batch() -> None:
    few = ["budget.max_latency_ms=1e9", "latency.num_passes=5"]
    small, large = (latency_record(shaped(*few, f"latency.batch_size={size}")) for size in (1, 128))
    assert large["latency_ms"] > 2 * small["latency_ms"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("budget.max_latency_ms=0", "budget.max_latency_ms must be a number > 0, but is 0"),
        ("latency.num_passes=1", "latency.num_passes must be a whole number >= 2, but is 1"),
        ("latency.batch_size=0", "latency.batch_size must be a whole number >= 1, but is 0"),
        ("latency.device=gpu", "latency.device must be one of auto, cpu, cuda, but is 'gpu'"),
        ("latency.device=cuda", "latency.device=cuda needs a GPU, but torch finds none"),
    ],
)
def test_wrong_option_of_latency_is_refused(
    override: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    cfg = shaped("objectives=[latency_ms]", override)
    with pytest.raises(UserError, match=message):
        latency_record(cfg)
