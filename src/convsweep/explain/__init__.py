"""Inspection of networks: layers and cost, figures, synthesised images."""
