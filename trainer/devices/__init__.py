"""What this machine can train on, and what lies on it. Loads without TensorFlow."""
