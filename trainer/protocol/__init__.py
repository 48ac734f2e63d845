"""What a window and the engine say to each other. Loads without TensorFlow."""
