"""Writes a small project to start from: `convsweep init FOLDER`. The files of project/ are copied
as they are.
"""
