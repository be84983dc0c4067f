"""From arrays to batches: their order, their gathering, and where the samples are held."""
