"""Augmentation: of one sample, or of a whole batch on its device."""
