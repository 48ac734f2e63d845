"""The images of a folder analysed: what there is, what has been predicted, as a table."""
