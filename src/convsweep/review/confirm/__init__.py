"""Believe a search only after its winners were trained again: `convsweep confirm SWEEP top=3
seeds=5`.
"""
