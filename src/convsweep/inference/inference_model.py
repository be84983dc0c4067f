"""A network with its pre- and postprocessing: from raw samples to predictions."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from convsweep.data.permutation import Permutation
from convsweep.models.base import Model


class Deployed(nn.Module):
    """Permutes positions if the training data did, normalises, applies the network, and converts
    logits to predictions.

    Args:
        model: a trained model, whose `predict_batch` is called.
        permute: whether the positions of the training data were permuted (`data.permute`).

    Shape:
        (N, C, *spatial) in the units of the data, not normalised, to (N, K) or (N, K, *spatial).
    """

    def __init__(self, model: Model, permute: bool = False) -> None:
        super().__init__()
        self.model = model
        self.permutation = Permutation(model.info.spatial_shape) if permute else None

    @torch.inference_mode()
    def run(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the predictions of a batch, computed on the CPU."""
        answer: Tensor = self(torch.from_numpy(x))
        return answer.numpy()

    @property
    def answer_name(self) -> str:
        """Name of the output."""
        return self.model.answer_name

    def forward(self, x: Tensor) -> Tensor:
        """Return the predictions of a batch."""
        if self.permutation is None:
            (answer,) = self.model.predict_batch(x).values()
            return answer
        (answer,) = self.model.predict_batch(self.permutation(x)).values()
        return self.permutation.undo(answer)
