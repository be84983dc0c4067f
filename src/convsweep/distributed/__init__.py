"""Training in several processes: which one this is, what they agree on, and what happens when one
of them dies.
"""
