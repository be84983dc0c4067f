"""The LightningModule that all tasks share: normalisation, optimiser, schedule, memory layout,
compilation.
"""
