"""Base of callbacks that read the outputs of validation and test by a forward hook."""

from abc import abstractmethod
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from convsweep.tracking.best_epoch import BestEpochCallback


class ForwardHookCallback(BestEpochCallback):
    """Calls `update` with the outputs of each batch of validation and test, and `publish_test`
    after the test; nothing is computed again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._output: Tensor | None = None
        self._hook: Any = None

    @abstractmethod
    def reset(self) -> None:
        """Drop the batches of an earlier validation."""

    @abstractmethod
    def update(self, trainer: Trainer, outputs: Tensor, target: Tensor) -> None:
        """Add a batch; called on every rank."""

    @abstractmethod
    def publish_test(self, trainer: Trainer, module: LightningModule) -> None:
        """Write the results of the test; called on every rank."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.reset()  # an epoch without validation has no outputs

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.suits(pl_module):
            self._listen(pl_module)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.suits(pl_module):
            self._listen(pl_module)

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *rest: Any
    ) -> None:
        self._update(trainer, batch=rest[1])

    def on_test_batch_end(self, trainer: Trainer, pl_module: LightningModule, *rest: Any) -> None:
        self._update(trainer, batch=rest[1])

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._unlisten()
        super().on_validation_end(trainer, pl_module)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._unlisten()
        with self.harmless():
            self.publish_test(trainer, pl_module)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._unlisten()
        super().on_exception(trainer, pl_module, exception)

    def _listen(self, module: LightningModule) -> None:
        def keep(module: Any, inputs: Any, output: Any) -> None:
            # A distributed strategy runs the whole validation step as the module's forward, which
            # triggers this hook too.
            if isinstance(output, Tensor) and output.dim() > 1:
                self._output = output

        self._unlisten()
        self.reset()
        self._hook = module.register_forward_hook(keep)

    def _unlisten(self) -> None:
        if self._hook is not None:
            self._hook.remove()
        self._hook = self._output = None

    def _update(self, trainer: Trainer, batch: Any) -> None:
        if self._is_broken or self._output is None or trainer.sanity_checking:
            return
        with self.harmless():
            self.update(trainer, self._output, batch[1])
