"""Pictures of how well a network does and how it learned, as PNG files.

Drawn with matplotlib's objects and the Agg canvas alone: no global figure, no window, no user style file.
A class has one colour everywhere; malignant classes are also told apart by word and by line style.
"""

from __future__ import annotations

from trainer.figures.evaluation import draw_evaluation
from trainer.figures.history import draw_history
from trainer.palette import CLASS_COLOURS, MORE_COLOURS, class_colour

__all__ = ["CLASS_COLOURS", "MORE_COLOURS", "class_colour", "draw_evaluation", "draw_history"]
