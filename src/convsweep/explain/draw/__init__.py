"""Figures of a network: a layer's matrix, receptive field, filters, feature maps, equivariance to
shifts.
"""
