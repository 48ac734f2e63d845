"""Figures of how well a network does and how it learned: drawn once, as pictures and as parts of a report's page.

A plot (`plot_...`) is drawn into axes that it is given, for a medium (`SCREEN`, `PRINT`). A page (`..._page`) puts it
under a title, with the research-only statement, and is written as PNG; what is printed (`printed_...`) has neither,
since the report says both. Matplotlib's objects alone: no global figure, no window, no user style file. A class has
one colour everywhere; malignant classes are also told apart by word or mark and by line style.
"""
