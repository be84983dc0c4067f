"""Distributed training: ranks, agreement between processes, and termination."""
