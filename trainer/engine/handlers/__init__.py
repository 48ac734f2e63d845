"""What the engine does for each type of job, one module for each queue."""
