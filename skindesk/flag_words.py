"""What leads where an answer must not be relied on, in the language of the program: for the window and for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from trainer.predictions import UNLIKE

if TYPE_CHECKING:
    from trainer.predictions import Prediction


def _tr(text: str) -> str:
    return QCoreApplication.translate("flag", text)


def flag_title(prediction: Prediction) -> str:
    """Return what leads a result that must not be relied on; empty for one that is not flagged."""
    if prediction.in_distribution is not False:
        return ""
    if _too_poor(prediction):
        return _tr("The image is too poor to rely on an answer")
    return _tr("Unlike the images this network learned from")


def flag_caption(prediction: Prediction) -> str:
    """Return the same where there is room for two words."""
    if prediction.in_distribution is not False:
        return ""
    return _tr("Too poor") if _too_poor(prediction) else _tr("Unusual")


def reasons(prediction: Prediction) -> tuple[str, ...]:
    """Return the warnings about an image; where it is flagged, without the words that lead."""
    if prediction.in_distribution is not False:
        return prediction.warnings
    return tuple(_without_lead(warning) for warning in prediction.warnings)


def _too_poor(prediction: Prediction) -> bool:
    """Whether the quality of a flagged image is all that is wrong with it."""
    if prediction.unusual is not None:
        return not prediction.unusual.flagged
    return not any(map(_is_unlike, prediction.warnings))


def _is_unlike(warning: str) -> bool:
    return warning.startswith(f"{UNLIKE}: ")


def _without_lead(warning: str) -> str:
    if not _is_unlike(warning):
        return warning
    rest = warning.removeprefix(f"{UNLIKE}: ")
    return rest[:1].upper() + rest[1:]
