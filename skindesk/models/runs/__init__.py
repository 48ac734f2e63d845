"""Runs: the list, the one that trains, those that can be resumed."""
