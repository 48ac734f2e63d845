"""How much memory decoding takes: at most 1 GiB for an image, and 1.5 GiB for all threads together.

What an image needs is worked out from its header. Up to `WHOLE` pixels it is decoded and converted in one piece;
above that in bands, so that beside the decoder's own memory there is never more than one copy of the picture.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from trainer.images.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 1 << 30
"""Most memory that decoding one image may take, bytes."""
WHOLE = 1 << 23
"""Largest image that is converted in one piece, pixels."""
BAND = 1 << 20
"""Pixels that are converted at a time in larger ones."""
BAND_BYTES = 32 << 20
"""What converting a band and the buffers of decoders take."""

_SHARED_LIMIT = 3 << 29
_WHOLE_BYTES = 24  # bytes per pixel: decoded, with transparency, as RGB on a white page, turned, as an array


def pixel_bytes(pixels: int, stored: int) -> int:
    """Return the memory that decoding and converting to RGB take.

    Args:
        pixels: of the image.
        stored: bytes per pixel in Pillow's memory: 1, 2 or 4. Four bytes are turned into RGB in place.
    """
    if pixels <= WHOLE:
        return pixels * _WHOLE_BYTES + BAND_BYTES
    return pixels * (4 if stored == 4 else stored + 3) + BAND_BYTES  # noqa: PLR2004 - bytes


def fits(needed: int) -> bool:
    """Whether one image may take so much memory, bytes."""
    return needed <= LIMIT


def check_memory(needed: int, remedy: str = "make the image smaller") -> int:
    """Refuse an image that needs more memory than one may take; else return its need, bytes."""
    if not fits(needed):
        raise Refused(
            f"decoding it takes {needed / 2**30:.1f} GiB of memory, more than the limit of {LIMIT >> 30} GiB "
            f"per image; {remedy}",
            "oversize",
        )
    return needed


class Budget:
    """Memory shared by threads: who wants more than is left waits until others are done."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def taken(self, needed: int) -> Iterator[None]:
        """Hold a share of the memory, bytes; more than all is all."""
        needed = min(needed, self._limit)
        with self._changed:
            self._changed.wait_for(lambda: self._taken + needed <= self._limit)
            self._taken += needed
        try:
            yield
        finally:
            with self._changed:
                self._taken -= needed
                self._changed.notify_all()


shared = Budget(_SHARED_LIMIT)
"""What all threads of the process decode with."""
