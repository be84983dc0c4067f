"""Augmentation of single samples, or of whole batches on their device."""
