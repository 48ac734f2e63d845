"""The form made from the settings of a run."""
