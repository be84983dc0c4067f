"""Training loads what compiling needs only when something compiles, and the stand-ins say what the real ones say."""

import itertools
import subprocess
import sys
from typing import Any

import pytest

from convsweep.startup import stand_ins

TRAIN_THEN_COMPILE = """
from convsweep.startup.stand_ins import DYNAMO, SHAPES, SYMPY
from convsweep.startup.deferred_imports import is_loaded
from convsweep.startup.lean_imports import import_lean
import_lean()
import torch
import lightning
early = torch._dynamo.disable
from lightning.fabric.wrappers import OptimizedModule
from convsweep.cost import measure
from convsweep.nets import ConvNet, UNet

for net in (ConvNet((1, 8, 8), 3, skip="add"), UNet((1, 16, 16), 3, width=4)):
    measure(net, (1, 16, 16))
from torchvision.transforms import v2
v2.RandomAffine(10)(torch.ones(1, 8, 8, dtype=torch.uint8))
net = torch.nn.Linear(3, 3)
def step():
    optimizer.zero_grad()
    net(torch.ones(1, 3)).square().sum().backward()
    optimizer.step()
for make in (torch.optim.AdamW, torch.optim.SGD):
    optimizer = make(net.parameters(), lr=0.1)
    step()
torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10).step()
torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(3, 3))
torch.distributed.destroy_process_group()
print(*(is_loaded(name) for name in (DYNAMO, SHAPES, SYMPY, "triton")), isinstance(net, OptimizedModule))

ddp_mode = torch._dynamo.utils.get_optimize_ddp_mode()
def is_compiling(): return torch.compiler.is_compiling()
compiled = torch.compile(net, backend="eager")
print(torch.equal(compiled(torch.ones(1, 3)), net(torch.ones(1, 3))), is_loaded(DYNAMO))
print(isinstance(compiled, OptimizedModule), isinstance(net, OptimizedModule))
before = net.weight.clone()
torch.compile(step, backend="eager")()
left_out, compiled_too = early(is_compiling), is_compiling
print(torch.compile(lambda: (left_out(), compiled_too()), backend="eager")())
print(torch._dynamo.utils.get_optimize_ddp_mode() == ddp_mode)
print(torch.equal(before, net.weight), torch._dynamo.disable.__module__.startswith(DYNAMO))
"""


def test_training_does_without_and_compiling_brings_the_real_ones() -> None:
    command = [sys.executable, "-W", "ignore", "-c", TRAIN_THEN_COMPILE]
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert words[:5] == ["False"] * 5, "a new torch asks something else in the first steps: give it a stand-in"
    assert words[5:] == ["True", "True", "True", "False", "(False,", "True)", "True", "False", "True"]


BOOLS = [(True,), (False,)]
PAIRS = list(itertools.product([True, False], repeat=2))
SIZES: list[tuple[Any, ...]] = [(1, 1), (1, 2), ((1, 2), (1, 2)), ((1, 2), (1, 3)), ((1, 2), (1,)), ((), ())]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *((name, [*BOOLS, *([(3,)] if int in types else [])]) for name, types in stand_ins.ANSWER_ITSELF.items() if types),
        ("sym_and", PAIRS + BOOLS),
        ("sym_or", PAIRS + BOOLS),
        ("sym_eq", SIZES),
        ("is_nested_int", [(3,)]),
        ("has_guarding_hint", [(3,), (True,), (0.5,)]),
    ],
)
def test_known_values_are_answered_as_the_real_function_does(name: str, values: list[tuple[Any, ...]]) -> None:
    import torch.fx.experimental.symbolic_shapes as real

    types = stand_ins.ANSWER_ITSELF.get(name)
    answer = stand_ins.answered_by_itself(name, types) if types else getattr(stand_ins, name)
    for value in values:
        expected = getattr(real, name)(*value)
        assert answer(*value) == expected
        assert type(answer(*value)) is type(expected)
