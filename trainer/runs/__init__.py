"""What a run keeps on the disk: its folder, checkpoints, bundle, archive. Loads without TensorFlow."""
