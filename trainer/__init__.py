"""SkinDesk's library: datasets of skin-lesion images, training, evaluation and use of classifiers.

Nothing here knows of a window. The command line (`python -m trainer`) and the desktop program are callers.
"""

from __future__ import annotations

__version__ = "0.1.0"

RESEARCH_ONLY = (
    "For research and teaching only. SkinDesk is not a medical device; "
    "its output is no diagnosis and must not guide treatment."
)
