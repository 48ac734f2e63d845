"""Which images show nearly the same picture."""
