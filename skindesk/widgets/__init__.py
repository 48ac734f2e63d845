"""Widgets that know nothing of pages or files of the program."""
