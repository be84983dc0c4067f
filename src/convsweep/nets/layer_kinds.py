"""Torch's layers by kind, whatever their number of spatial axes."""

from typing import TypeAlias

from torch import nn

TransposedConvolution: TypeAlias = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
Convolution: TypeAlias = nn.Conv1d | nn.Conv2d | nn.Conv3d
ConstantPad: TypeAlias = nn.ConstantPad1d | nn.ConstantPad2d | nn.ConstantPad3d
BatchNorm: TypeAlias = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm
