"""Datasets: importing folders of images, the index, groups and splits. Loads without TensorFlow."""
