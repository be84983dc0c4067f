"""LightningModules: a network with its loss, its metrics and its optimiser."""

from convsweep.tasks.classification import Classification as Classification
from convsweep.tasks.denoising import Denoising as Denoising
from convsweep.tasks.segmentation import Segmentation as Segmentation
