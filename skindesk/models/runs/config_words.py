"""The settings of a run in the language of the program: their words, what may be entered, numbers as text.

The words stand with each setting in `trainer.config`, which knows no Qt; they are translated when they are
shown. `lupdate` finds them in what `python -m skindesk.models.runs.config_words` prints.
"""

from __future__ import annotations

import functools
import json
import math
import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from trainer.config.declaring import GROUP_TITLES
from trainer.config.fields import fields

if TYPE_CHECKING:
    from trainer.config.declaring import Group
    from trainer.config.fields import Field

CONTEXT = "ConfigTexts"


def translated(text: str) -> str:
    """Return a text that `trainer.config` declares in the language of the program."""
    return QCoreApplication.translate(CONTEXT, text) if text else ""


def source_for_lupdate() -> str:
    """Return all those texts as Python that Qt's `lupdate` can read."""
    texts = dict.fromkeys(GROUP_TITLES.values())
    for field in fields().values():
        about = field.about
        words = (about.title, about.help, about.unit, *(text for _value, text in about.choices))
        texts |= dict.fromkeys(filter(None, words))
    return "".join(
        f'QT_TRANSLATE_NOOP("{CONTEXT}", {json.dumps(text, ensure_ascii=False)})\n' for text in texts
    )


@functools.cache
def shown_fields() -> tuple[Field, ...]:
    """Return every setting that has a field, in the order of the form: as declared, those of both stages side by side."""
    places = {path: place for place, path in enumerate(fields())}

    def place(field: Field) -> int:
        return places.get(field.path.replace("fine_tune_stage.", "head_stage."), places[field.path])

    return tuple(sorted((field for field in fields().values() if field.about.group), key=place))


def fields_of(group: Group) -> list[Field]:
    """Return the settings of a section of the form."""
    return [field for field in shown_fields() if field.about.group == group]


def range_in_words(field: Field) -> str:
    """Return what may be entered, as a sentence."""
    scale, unit = field.about.scale, translated(field.about.unit)
    translate = QCoreApplication.translate
    low, high = _plain(field.lowest * scale), with_unit(_plain(field.highest * scale), unit)
    whole = field.kind in ("whole", "several")
    what = translate("Leaf", "a whole number") if whole else translate("Leaf", "a number")
    if math.isfinite(field.highest) and not (field.above or field.below):
        text = translate("Leaf", "Enter {what} from {low} to {high}.")
    elif math.isfinite(field.highest):
        text = (
            translate("Leaf", "Enter {what} above {low} and below {high}.")
            if field.above
            else translate("Leaf", "Enter {what} from {low} to below {high}.")
        )
    elif math.isfinite(field.lowest):
        text = (
            translate("Leaf", "Enter {what} above {low}.")
            if field.above
            else translate("Leaf", "Enter {what}, {low} or more.")
        )
    else:
        text = translate("Leaf", "Enter {what}.")
    return text.format(what=what, low=low, high=high)


def parse_number(text: str, field: Field) -> float | None:
    """Read a number that a person has typed.

    Args:
        text: with a point or a comma before the decimals; spaces, and commas between thousands of whole numbers,
            are left out of account.
        field: the setting it is for; what is typed is the value times its scale.

    Returns:
        The value, an int for a whole number, or `None` if it is no number or out of range.
    """
    tidy = "".join(text.split()).replace("\N{MINUS SIGN}", "-")
    whole = field.kind in ("whole", "several")
    if "," in tidy:
        tidy = tidy.replace(",", "" if whole or "." in tidy else ".")
    try:
        number = int(tidy) if whole else float(tidy) / field.about.scale
    except ValueError:
        return None
    return number if math.isfinite(number) and field.accepts(number) else None


def show_number(value: float, scale: float = 1.0) -> str:
    """Return a number as it is shown in a field; reading it gives the same number."""
    return _plain(value * scale, separated=False)


def with_unit(number: str, unit: str) -> str:
    """Return a number with its unit behind it."""
    return number + ("" if not unit else unit if unit == "°" else f" {unit}")


def _plain(number: float, *, separated: bool = True) -> str:
    if math.isinf(number):
        return ""
    if float(number).is_integer() and abs(number) < 1e15:  # noqa: PLR2004 - beyond it, digits are not exact
        return f"{int(number):,}" if separated else str(int(number))
    return f"{number:.12g}"


if __name__ == "__main__":
    sys.stdout.write(source_for_lupdate())
