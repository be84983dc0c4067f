"""The LightningModule shared by all tasks: normalisation, optimiser, schedule, memory layout,
compilation.
"""
