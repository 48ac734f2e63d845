"""How good a network is, how sure that is, and what its logits mean. Loads without TensorFlow."""
