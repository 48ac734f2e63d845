"""How the demo's drawings, and networks trained on them, are told from photographs and real networks.

The demo names every image DRAWN_ and a number. A dataset of such images alone has a sentence about it in its split
certificate, which every bundle carries: that holds for copies, exports and the frozen program, and needs no field of
its own in a bundle.
"""

from __future__ import annotations

import re
from pathlib import PurePath

PREFIX = "DRAWN_"

SPLIT_NOTE = "All images are drawings by SkinDesk's demo; none is a photograph of skin."
NETWORK_WARNING = "This network was trained on the demo's drawn lesions; it has never seen real skin."

_NAME = re.compile(rf"{PREFIX}\d+(\.\w+)?")


def is_drawing(image: str | PurePath) -> bool:
    """Return whether an image, by its id or the name of its file, is one of the demo's drawings."""
    return _NAME.fullmatch(PurePath(image).name) is not None
