"""Figures of a network: a layer's matrix, the receptive field, filters, feature maps, and what a
shift of the input does.
"""
