"""The child processes that do the work, as the window sees them."""
