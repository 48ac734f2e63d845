"""Images: decoded, turned upright and into sRGB, framed. Loads without TensorFlow."""
