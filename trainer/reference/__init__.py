"""What a bundle knows of the images its network learned from: `reference.safetensors` beside its manifest."""
