"""The large view of an image, and the strip of images below it."""
