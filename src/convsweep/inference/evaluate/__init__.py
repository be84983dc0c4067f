"""Evaluation: a checkpoint on labelled data to metrics, tables and pictures; `convsweep evaluate
--help`.
"""
