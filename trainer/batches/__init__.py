"""Many images at once: what a folder holds, what was predicted of it so far, and the tables that come of it."""
