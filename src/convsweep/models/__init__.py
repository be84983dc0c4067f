"""LightningModules: a network with its loss, its metrics and its optimiser."""

from convsweep.models.classification import Classification as Classification
from convsweep.models.denoising import Denoising as Denoising
from convsweep.models.segmentation import Segmentation as Segmentation
