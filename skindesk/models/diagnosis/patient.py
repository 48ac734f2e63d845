"""What is entered about a patient: each field declared once, for the form, the kept case, the report, the command."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated

import msgspec
from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication


@dataclass(frozen=True)
class Entry:
    """How a field is entered and shown.

    Attributes:
        title: in the form and the report.
        option: of `skindesk report`.
        help: of the option.
        hint: in the empty field.
        longest: characters that can be typed; `None` for a field of any length with several lines.
    """

    title: str
    option: str
    help: str
    hint: str = ""
    longest: int | None = 200  # what fits a report's line; an option or a file may bring more


class PatientFields(msgspec.Struct, frozen=True):
    """What was entered about the patient, any text, in the order of the form and of the report.

    An empty field is left out of the report.
    """

    name: Annotated[
        str, Entry(QT_TRANSLATE_NOOP("Patient", "Name"), "--patient-name", "Name of the patient.")
    ] = ""
    patient_id: Annotated[
        str,
        Entry(QT_TRANSLATE_NOOP("Patient", "Patient ID"), "--patient-id", "Number or code of the patient."),
    ] = ""
    born: Annotated[
        str,
        Entry(
            QT_TRANSLATE_NOOP("Patient", "Born"),
            "--born",
            "Date of birth, printed as entered.",
            QT_TRANSLATE_NOOP("Patient", "As it should appear in the report"),
        ),
    ] = ""
    age: Annotated[
        str,
        Entry(
            QT_TRANSLATE_NOOP("Patient", "Age"),
            "--age",
            "Age of the patient.",
            QT_TRANSLATE_NOOP("Patient", "For example: 52 years"),
        ),
    ] = ""
    sex: Annotated[str, Entry(QT_TRANSLATE_NOOP("Patient", "Sex"), "--sex", "Sex of the patient.")] = ""
    site: Annotated[
        str,
        Entry(
            QT_TRANSLATE_NOOP("Patient", "Site"),
            "--site",
            "Where on the body the lesion is.",
            QT_TRANSLATE_NOOP("Patient", "Where the lesion is, for example: left forearm"),
        ),
    ] = ""
    examiner: Annotated[
        str,
        Entry(
            QT_TRANSLATE_NOOP("Patient", "Examiner"),
            "--examiner",
            "Who made the report; the author of the PDF.",
        ),
    ] = ""
    notes: Annotated[
        str,
        Entry(
            QT_TRANSLATE_NOOP("Patient", "Note"),
            "--notes",
            "Any text; line breaks are kept.",
            QT_TRANSLATE_NOOP("Patient", "Anything else for the report"),
            longest=None,
        ),
    ] = ""


NOBODY = PatientFields()
"""Nothing was entered."""


def _entries() -> dict[str, Entry]:
    declared = {field.name: field.type.__metadata__ for field in msgspec.structs.fields(PatientFields)}
    return {name: entry for name, (entry,) in declared.items()}


PATIENT_ENTRIES = _entries()
"""How each of `PatientFields` is entered, by its name."""


def translated_entries() -> dict[str, Entry]:
    """Return them with title and hint in the language of the program."""

    def translated(text: str) -> str:
        return QCoreApplication.translate("Patient", text) if text else ""

    return {
        name: dataclasses.replace(entry, title=translated(entry.title), hint=translated(entry.hint))
        for name, entry in PATIENT_ENTRIES.items()
    }
