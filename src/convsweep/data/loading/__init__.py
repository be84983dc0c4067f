"""From arrays to batches: order, gathering, and placement of the samples."""
