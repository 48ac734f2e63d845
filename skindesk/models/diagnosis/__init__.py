"""The case under diagnosis, and how it outlives its window."""
