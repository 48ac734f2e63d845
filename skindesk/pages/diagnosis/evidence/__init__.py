"""What supports an answer: where the network looked, and which training images look alike to it."""
