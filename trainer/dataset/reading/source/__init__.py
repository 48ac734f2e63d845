"""What lies in a folder: images, tables and the rest, before a layout says what it means."""
