"""Uses a trained network: prediction, evaluation, export."""
