"""The images of one lesion in the order they were taken, over all its cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtGui import QImage

from skindesk.models.cases.table import day_of
from skindesk.models.pictures import as_qimage, shrunk
from trainer.files import printable
from trainer.images.framing import ImageView, read_view

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skindesk.models.cases.reading import OpenedCase
    from skindesk.models.cases.record import SavedImage


class Moment(NamedTuple):
    """An image of a lesion.

    Attributes:
        case: that it belongs to.
        place: of the image in the case.
        day: it was taken, ISO; where that is not known, the day it was saved.
    """

    case: OpenedCase
    place: int
    day: str

    @property
    def image(self) -> SavedImage:
        """The image."""
        return self.case.diagnosis.images[self.place]

    @property
    def small_picture(self) -> QImage:
        """The thumbnail; null where there is none."""
        return QImage.fromData(self.case.thumbnails.get(self.place, b""))

    def view(self) -> ImageView:
        """Return what of the image was analysed, as far as that can be told without its size."""
        framing = self.image.framing()
        return ImageView(
            path=printable(self.image.file(self.case.folder)),
            rotation=framing.rotation,
            crop=framing.crop.shares() if framing.crop is not None else None,
        )


def moments_of(cases: Iterable[OpenedCase]) -> tuple[Moment, ...]:
    """Return the images of cases, the oldest first."""
    moments = [
        Moment(case, place, image.taken or day_of(image.added or case.summary.saved_at))
        for case in cases
        for place, image in enumerate(case.diagnosis.images)
    ]
    return tuple(sorted(moments, key=lambda moment: (moment.day, moment.case.summary.number, moment.place)))


def read_moment(moment: Moment, side: int) -> QImage:
    """Return what was analysed of an image, its longer side at most `side` pixels; in a worker.

    Raises:
        ImageError: the image is gone or cannot be read.
    """
    return shrunk(as_qimage(read_view(moment.view())), side)
