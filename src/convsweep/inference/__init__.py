"""Use of trained networks: prediction, evaluation, export."""
