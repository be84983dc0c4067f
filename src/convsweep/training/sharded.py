"""Sharded training: each process keeps a share of weights, gradients and optimiser state.

Torch's FSDP2 (Zhao et al. 2023, PyTorch FSDP), through Lightning's `ModelParallelStrategy`.
"""

from functools import partial

import lightning as L
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard

from convsweep.distributed.sync_norm import SyncNorm
from convsweep.errors import UserError
from convsweep.models.acceleration import blocks


class Sharded(ModelParallelStrategy):
    """Shards the network over all processes, with batches split as in DDP; checkpoints hold the
    whole network.

    Args:
        sync_batchnorm: normalise over the batches of all processes; Lightning sets this for its own
            strategies only.
    """

    def __init__(self, sync_batchnorm: bool = False) -> None:
        super().__init__(save_distributed_checkpoint=False)
        self.sync_batchnorm = sync_batchnorm

    def connect(self, model: L.LightningModule) -> None:
        """Connect a model.

        Raises:
            UserError: its memory format cannot be sharded.
        """
        super().connect(model)
        if model.memory_format == "channels_last":
            raise UserError(
                "model.memory_format=channels_last does not go with trainer=fsdp; leave it out"
            )
        # the only layout that torch shards
        model.memory_format = "contiguous"  # type: ignore[assignment]
        # as Lightning does
        model.configure_model = partial(self.shard, model.net)  # type: ignore[method-assign, arg-type]

    def shard(self, net: nn.Module) -> None:
        """Shard a network; its blocks are gathered one by one as it runs."""
        if isinstance(net, FSDPModule):
            return  # already sharded, as in a test after training
        if self.sync_batchnorm:
            SyncNorm().apply(net)
        # Lightning's default mesh has one row a machine
        mesh = init_device_mesh(self.root_device.type, (self.world_size,))
        for block in blocks(net):
            fully_shard(block, mesh=mesh)
        fully_shard(net, mesh=mesh)
