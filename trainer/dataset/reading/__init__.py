"""Folders and tables, read as listings of images with their classes and facts."""
