"""Pictures of how well a network does and how it learned, as PNG files.

Drawn with matplotlib's objects and the Agg canvas alone: no global figure, no window, no user style file.
A class has one colour everywhere; malignant classes are also told apart by word and by line style.
"""
