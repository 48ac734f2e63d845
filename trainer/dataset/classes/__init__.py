"""Classes: what they are called, and which are malignant."""
