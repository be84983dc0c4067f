"""Budgets: limits in words, and a remedy that keeps them."""

import re
from dataclasses import replace

import pytest

from convsweep.cost import Budget, measure
from convsweep.cost.quantity import in_bytes, in_si, quantity
from convsweep.errors import InfeasibleError, UserError
from convsweep.nets import ConvNet


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (5, 5),
        ("500k", 500_000),
        ("1.5M", 1_500_000),
        ("500M", 500_000_000),
        ("2GiB", 2 * 2**30),
        ("2 GB", 2 * 10**9),
        ("1e6", 10**6),
        (1e6, 10**6),
        ("3Ki", 3072),
        ("1_000", 1000),
        ("2KB", 2000),
        ("4TiB", 4 * 2**40),
    ],
)
def test_quantity(text: float | str, number: int) -> None:
    assert quantity(text, "budget.max_memory") == number


@pytest.mark.parametrize("text", ["", "lots", "-3", "0", "5X", "GiB", "1.2.3M", "nan", True])
def test_no_quantity(text: str) -> None:
    with pytest.raises(
        UserError, match=r"budget\.max_memory must be a positive quantity such as .*2GiB"
    ):
        quantity(text, "budget.max_memory")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1 k"),
        (11_689_512, "11.7 M"),
        (999_700, "1 M"),
        (1.5e12, "1.5 T"),
    ],
)
def test_in_si(number: float, words: str) -> None:
    assert in_si(number) == words


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 B"), (999, "999 B"), (1536, "1.5 KiB"), (2 * 2**30, "2 GiB")]
)
def test_in_bytes(number: float, words: str) -> None:
    assert in_bytes(number) == words


COST = measure(ConvNet((1, 28, 28), 10), (1, 28, 28))


def test_no_limit_and_exact_limits_are_kept() -> None:
    Budget().check(COST)
    exact = Budget(COST.params, COST.macs, COST.memory(8, 1), COST.receptive_field.smallest)
    exact.check(COST, batch_size=8, optimizer_states=1)
    for one_less in (
        replace(exact, max_params=COST.params - 1),
        replace(exact, max_macs=COST.macs - 1),
        replace(exact, max_memory=COST.memory(8, 1) - 1),
        replace(exact, min_receptive_field=COST.receptive_field.smallest + 1),
    ):
        with pytest.raises(InfeasibleError, match=r"budget\.") as caught:
            one_less.check(COST, batch_size=8, optimizer_states=1)
        assert 0 < caught.value.excess < 0.1


def test_batch_size_of_the_remedy_fits_and_the_next_does_not() -> None:
    budget = Budget(max_memory=COST.memory(50) - 1)
    with pytest.raises(InfeasibleError) as caught:
        budget.check(COST, batch_size=64)
    fits = int(re.search(r"data\.batch_size=(\d+) would fit", str(caught.value))[1])
    assert fits == 49
    budget.check(COST, batch_size=fits)


def test_width_of_the_remedy_about_fits() -> None:
    with pytest.raises(InfeasibleError) as caught:
        Budget(max_params="20k").check(COST)
    assert caught.value.excess == COST.params / 20_000 - 1
    share = int(re.search(r"about (\d+) %", str(caught.value))[1]) / 100
    narrower = measure(ConvNet((1, 28, 28), 10, width=round(32 * share)), (1, 28, 28))
    assert narrower.params == pytest.approx(20_000, rel=0.15)


def test_too_small_for_one_sample() -> None:
    with pytest.raises(InfeasibleError, match=r"not even one sample fits"):
        Budget(max_memory="100kB").check(COST)
