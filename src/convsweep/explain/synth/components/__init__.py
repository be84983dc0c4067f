"""Components of a synthesis: objectives, parameterisations, priors, transforms."""
