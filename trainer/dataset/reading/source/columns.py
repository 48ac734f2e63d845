"""Which column of a table says what: recognised by its name, or chosen by the user."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from trainer.dataset.fields import CLASS, IMAGE

if TYPE_CHECKING:
    from trainer.dataset.fields import Field

_NAMED = 4  # columns that are given as examples

TABLE_NAME, FOLDER_NAME = "table", "folder"
"""What stands for the names of tables and folders where a column for the split is chosen."""


class Columns(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Columns that the user has chosen, by name: `None` for those to be recognised, empty for those not to be read.

    A dataset file keeps them, so that a repeated import uses them again.

    Attributes:
        image: names the image file.
        class_name: names the class.
        lesion_id: says which images show one lesion.
        patient_id: says which images are of one patient.
        split: says which part an image is in; `table` or `folder` takes the part from the name of the table or of
            the folders. Without it no split is read.
        accept_leaks: the split is taken even if it divides lesions or other groups.
        table: path of the only table to be read, relative to the images' folder; `None` for any.
    """

    image: str | None = None
    class_name: str | None = None
    lesion_id: str | None = None
    patient_id: str | None = None
    split: str | None = None
    accept_leaks: bool = False
    table: str | None = None

    @property
    def chosen(self) -> dict[str, str]:
        """The tidy name of each column that was chosen, by name of the field."""
        names = (IMAGE.name, CLASS.name, "lesion_id", "patient_id", "split")
        values = (self.image, self.class_name, self.lesion_id, self.patient_id, self.split)
        return {
            name: tidy_column(value)
            for name, value in zip(names, values, strict=True)
            if value is not None and not (name == "split" and value in {TABLE_NAME, FOLDER_NAME})
        }


class Header(msgspec.Struct, frozen=True):
    """The columns of a table.

    Attributes:
        written: their names in the file, in its order; of a table without names, what stands in for them.
        chosen: tidy names of columns that the user chose, by name of the field.
    """

    written: tuple[str, ...] = ()
    chosen: dict[str, str] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """The tidy names."""
        return tuple(tidy_column(name) for name in self.written)

    def column_of(self, field: Field) -> str | None:
        """Return the tidy name of the column that holds a field, if there is one."""
        names = self.candidates(field)
        return names[0] if names else None

    def candidates(self, field: Field) -> tuple[str, ...]:
        """Return the columns that may hold a field, the likeliest first."""
        there = self.columns
        if field.name in self.chosen:
            return tuple(name for name in (self.chosen[field.name],) if name in there)
        taken = self.chosen.values()
        return tuple(name for name in field.columns if name in there and name not in taken)

    def has_chosen(self) -> bool:
        """Return whether all columns that the user chose are there."""
        return set(self.chosen.values()) - {""} <= set(self.columns)


def tidy_column(name: str) -> str:
    """Return a column's name in lower case with single underscores: `Image ID` becomes `image_id`.

    Letters of every script count: a table may have its names in Chinese.
    """
    return re.sub(r"[\W_]+", "_", name.strip().casefold()).strip("_")


def lacking(field: Field) -> str:
    """Return a phrase for a column that a table lacks."""
    return f"one for the {field.title.lower()} ({', '.join(field.columns[:_NAMED])} ...)"
