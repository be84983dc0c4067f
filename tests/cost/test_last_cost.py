"""What a process has measured last it knows."""

import pytest
from hydra.utils import instantiate

from convsweep.cost import last_cost, measure
from convsweep.cost.last_cost import known_cost, remember

NET = {
    "_target_": "convsweep.nets.ConvNet",
    "in_shape": [1, 8, 8],
    "num_classes": 10,
    "num_stages": 2,
    "width": 8,
}


def test_the_cost_of_a_config_is_that_of_its_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_cost, "_last", None)
    assert known_cost(NET, (1, 8, 8)) is None
    cost = measure(instantiate(NET), (1, 8, 8))
    remember(NET, cost)
    assert known_cost(dict(reversed(NET.items())), (1, 8, 8)) == cost
    assert known_cost(NET | {"width": 16}, (1, 8, 8)) is None
    assert known_cost(NET, (1, 16, 16)) is None
