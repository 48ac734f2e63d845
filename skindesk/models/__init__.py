"""Observable state: what is open, what there is, what a machine can do."""
