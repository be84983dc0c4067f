"""Recomputed blocks and a compiled network learn exactly what the plain one learns."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from tiny import classifier, fit, labelled
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounter

from convsweep.models.acceleration import blocks, compile_in_place, recompute_blocks
from convsweep.nets import ConvNet, UNet

NETS: dict[str, Callable[[], Any]] = {
    "convnet": partial(
        ConvNet, (1, 8, 8), 3, num_stages=2, num_blocks=2, width=4, skip="add", dropout=0.2
    ),
    "unet": partial(UNet, (1, 16, 16), 3, width=4),
}


def learnt(net: nn.Module, x: Tensor) -> list[Tensor]:
    """Gradients and running statistics after two batches."""
    torch.manual_seed(0)
    for batch in x.split(4):
        net(batch).square().mean().backward()
    grads = [param.grad for param in net.parameters() if param.grad is not None]
    return [*grads, *net.buffers()]


def kept_bytes(net: nn.Module, x: Tensor) -> int:
    storages: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = net(x)
    del out
    return sum(storages.values())


@pytest.mark.parametrize("name", NETS)
def test_recomputed_blocks_learn_the_same_and_keep_less(name: str) -> None:
    torch.manual_seed(0)
    plain = NETS[name]().train()
    again = copy.deepcopy(plain)
    recompute_blocks(again)
    assert len(blocks(again)) > 2
    x = torch.randn(8, *plain.in_shape)
    for ours, expected in zip(learnt(again, x), learnt(plain, x), strict=True):
        torch.testing.assert_close(ours, expected)
    assert list(again.state_dict()) == list(plain.state_dict())


def test_recomputed_blocks_keep_less() -> None:
    plain = NETS["convnet"]().train()
    again = copy.deepcopy(plain)
    recompute_blocks(again)
    x = torch.randn(64, 1, 8, 8)
    assert kept_bytes(again, x) < 0.5 * kept_bytes(plain, x)


def test_a_compiled_network_keeps_its_names_and_answers() -> None:
    plain = NETS["convnet"]().eval()
    compiled = copy.deepcopy(plain)
    compile_in_place(compiled, "none")
    compiled.compile(backend="eager", dynamic=False)
    x = torch.randn(4, 1, 8, 8)
    torch.testing.assert_close(compiled(x), plain(x))
    assert list(compiled.state_dict()) == list(plain.state_dict())


def test_only_the_first_size_of_batch_is_compiled() -> None:
    counter = CompileCounter()
    model = classifier(compile="default")
    model.net.compile(backend=counter, dynamic=False)
    model.is_compiled = True
    with torch.no_grad():
        for mode, size in ((True, 8), (False, 4), (True, 8), (False, 3), (False, 4), (True, 5)):
            model.train(mode)(torch.zeros(size, 1, 8, 8))
    assert counter.frame_count == 2, "one for training, one for evaluation"


def test_a_compiled_training_leaves_inference_mode() -> None:
    model = classifier(compile="default")
    seen: list[bool] = []
    model.net.compile = lambda **options: None  # type: ignore[method-assign, assignment]
    model.net.register_forward_hook(lambda *args: seen.append(torch.is_inference_mode_enabled()))
    fit(model, labelled(), epochs=1)
    assert len(seen) > 1
    assert not any(seen)
