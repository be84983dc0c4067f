"""Training a network in parts: each process keeps its share of weights, gradients and optimiser
state.

Torch's fully sharded data parallelism in its second form (Zhao et al. 2023, PyTorch FSDP), through
Lightning's strategy for it.
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
    """Shares the network among all processes, and the batches as distributed data parallel does;
    checkpoints are whole.

    Args:
        sync_batchnorm: normalise over the batches of all processes; Lightning tells its own
            strategies only.
    """

    def __init__(self, sync_batchnorm: bool = False) -> None:
        super().__init__(save_distributed_checkpoint=False)
        self.sync_batchnorm = sync_batchnorm

    def connect(self, model: L.LightningModule) -> None:
        """Take a model.

        Raises:
            UserError: its weights shall lie as no share of them can.
        """
        super().connect(model)
        if model.memory_format == "channels_last":
            raise UserError(
                "model.memory_format=channels_last does not go with trainer=fsdp; leave it out"
            )
        # torch shares out nothing else
        model.memory_format = "contiguous"  # type: ignore[assignment]
        # where Lightning has it done
        model.configure_model = partial(self.shard, model.net)  # type: ignore[method-assign, arg-type]

    def shard(self, net: nn.Module) -> None:
        """Leave this process its share of a network, which becomes whole block by block as it
        runs.
        """
        if isinstance(net, FSDPModule):
            return  # testing follows training
        if self.sync_batchnorm:
            SyncNorm().apply(net)
        # Lightning's own has a row a machine
        mesh = init_device_mesh(self.root_device.type, (self.world_size,))
        for block in blocks(net):
            fully_shard(block, mesh=mesh)
        fully_shard(net, mesh=mesh)
