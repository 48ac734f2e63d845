"""TensorFlow's start and the proof that a GPU computes. From here on TensorFlow may be imported."""
