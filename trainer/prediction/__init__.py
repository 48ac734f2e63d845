"""A bundle in use: predictions, evaluation, scoring."""
