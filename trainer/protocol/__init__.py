"""The protocol between a window and the engine. Loads without TensorFlow."""
