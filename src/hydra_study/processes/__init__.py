"""Workers and the processes of their trials."""
