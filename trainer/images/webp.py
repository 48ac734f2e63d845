"""WebP files: the first picture, without what Pillow keeps to show the next ones."""

from __future__ import annotations

from PIL.WebPImagePlugin import WebPImageFile


class StillWebP(WebPImageFile):
    """A WebP file of which the first picture is decoded.

    libwebp's decoder holds two canvases for animations. It goes before Pillow makes an image of what it gave.
    """

    def _get_next(self) -> tuple[bytes, int, int]:
        answer = super()._get_next()
        del self._decoder
        return answer
