"""The engine: the child process that does the jobs of a window."""
