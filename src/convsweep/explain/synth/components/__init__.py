"""The parts that a synthesis is composed of: objectives, parameterisations, priors, transforms."""
