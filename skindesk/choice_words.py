"""Why a class was predicted although another one is more probable, in the language of the program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from trainer.dataset.classes.names import in_sentence
from trainer.wording import percent, told_apart

if TYPE_CHECKING:
    from trainer.predictions import Choice


_NO_DECIMAL = 9.95  # times, from which on a caption has no room for one


def deciding_figures(choice: Choice) -> str:
    """Return the figures that decided: "5.6 %, 3.1 times its share of the training images; melanoma 26.2 %, 2.3 times".

    Empty where the predicted class is the most probable one as well.
    """
    if not choice.against_the_most_probable:
        return ""
    chosen, other = choice
    times, other_times = told_apart(chosen.times, other.times)
    return QCoreApplication.translate(
        "predictions",
        "{share}, {times} times its share of the training images; {other} {other_share}, {other_times} times",
    ).format(
        share=percent(chosen.probability),
        times=times,
        other=in_sentence(other.class_name),
        other_share=percent(other.probability),
        other_times=other_times,
    )


def short_figures(choice: Choice) -> str:
    """Return the same in the room of a caption: "5.6 %, 3.1×", or the probability alone where it decided."""
    share = percent(choice.predicted.probability)
    if not choice.against_the_most_probable:
        return share
    times = choice.predicted.times
    return f"{share}, {times:.1f}×" if times < _NO_DECIMAL else f"{share}, {times:.0f}×"
