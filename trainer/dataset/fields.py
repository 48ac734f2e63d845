"""What is known of a sample besides its image and class: each fact is declared here, and only here.

The columns of the dataset file, the reading of tables, corrections, the frame, the search and the panel of details
are made from `FACTS`. A file that lacks a column gets it when it is next opened for writing.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Value: TypeAlias = str | float | None
"""Of a fact: text, a number, or `None` where it is not known."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A fact of a sample.

    Attributes:
        name: column of the dataset file and of `DatasetStore.frame`.
        title: what it is called in the window and in messages, in English.
        kind: what its values are.
        unit: of a number, as it is written behind it.
        least, most: smallest and largest number that makes sense.
        columns: names of columns in tables, the preferred first (compared as `tidy_column` does).
        words: values that tables abbreviate, and what they mean.
        query: names in a search, the usual one first.
        identifier: it is a code, not words: a search looks inside it, and it is never wrapped.
        editable: a user may correct it.
        shown: whether the panel of details always has a row for it, has one in datasets that know it, or has none.
        joins: it is shown in the row of the field before it.
    """

    name: str
    title: str
    kind: Literal["text", "number"] = "text"
    unit: str = ""
    least: float = 0.0
    most: float = float("inf")
    columns: tuple[str, ...]
    words: dict[str, str] = {}
    query: tuple[str, ...] = ()
    identifier: bool = False
    editable: bool = True
    shown: Literal["always", "where known", "never"] = "where known"
    joins: bool = False


IMAGE = Field(
    name="image",
    title="Image",
    columns=(
        "image_id",
        "isic_id",
        "image",
        "img_id",
        "image_name",
        "image_path",
        "img_path",
        "path",
        "filepath",
        "file_path",
        "filename",
        "file_name",
        "file",
        "img",
        "image_file",
        "filename_image",
        "md5hash",
        "ddi_file",
        "derm",
        "name",
    ),
)
"""Names the file of a row; what is stored is the file that is found."""

CLASS = Field(
    name="class_name",
    title="Class",
    columns=(
        "dx",
        "class_name",
        "class",
        "diagnosis",
        "diagnostic",
        "label",
        "disease",
        "benign_malignant",
        "target",
        "category",
        "diagnosis_1",
        "clinical_diagnosis",
        "malignant",
    ),
    query=("class", "dx", "diagnosis"),
    shown="always",
)
"""The only field that every sample has."""

SPLIT = Field(name="split", title="Split", columns=("split", "partition", "subset", "set", "fold"))
"""The part of a split that a table gives; read only where it is asked for."""

FACTS: tuple[Field, ...] = (
    Field(
        name="dx_type",
        title="Confirmed by",
        columns=("dx_type", "diagnosis_confirm_type", "confirmation", "confirmation_type"),
        words={
            "histo": "histopathology",
            "follow_up": "follow-up",
            "consensus": "expert consensus",
            "confocal": "confocal microscopy",
        },
        query=("dx_type", "confirmed"),
        shown="always",
    ),
    Field(
        name="age",
        title="Age",
        kind="number",
        unit="years",
        most=130.0,
        columns=("age", "age_approx", "age_years", "age_approximate"),
        query=("age",),
        shown="always",
    ),
    Field(name="sex", title="Sex", columns=("sex", "gender"), query=("sex",), shown="always", joins=True),
    Field(
        name="site",
        title="Site",
        columns=(
            "localization",
            "localisation",
            "site",
            "anatom_site_general_challenge",
            "anatom_site_general",
            "anatomical_site",
            "body_site",
            "region",
            "location",
        ),
        query=("site", "localization"),
        shown="always",
    ),
    Field(
        name="lesion_id",
        title="Lesion",
        columns=("lesion_id", "lesion", "case_num", "case_id"),
        query=("lesion", "lesion_id"),
        identifier=True,
        shown="always",
    ),
    Field(
        name="patient_id",
        title="Patient",
        columns=("patient_id", "patient", "subject_id", "patientid"),
        query=("patient", "patient_id"),
        identifier=True,
    ),
)
"""The facts of a sample, in the order in which they are shown."""


def recorded() -> tuple[str, ...]:
    """Return the columns that tables and folders fill: the class, then the facts."""
    return (CLASS.name, *(field.name for field in FACTS))


def editable() -> dict[str, Field]:
    """Return the fields that a user may correct, by name."""
    return {field.name: field for field in (CLASS, *FACTS) if field.editable}
