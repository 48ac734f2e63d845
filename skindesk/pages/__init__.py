"""The pages of the window. Each answers one question; none knows another."""
