"""Confirmation of a search by training its winners again: `convsweep confirm SWEEP top=3
seeds=5`.
"""
