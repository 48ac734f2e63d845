"""Which files are taken for images when a folder is searched. Loads without anything that reads images."""

SUFFIXES: frozenset[str] = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".png", ".bmp", ".tif", ".tiff", ".webp"}
)
"""In lower case."""
