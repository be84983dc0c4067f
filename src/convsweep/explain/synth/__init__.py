"""Images from a trained network: objective, parameterisation and transforms are parts that
compose; see docs/synth.md.
"""
