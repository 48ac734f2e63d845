"""What is entered about a patient."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PatientFields:
    """What was entered about the patient, any text; a field that is empty is left out of the report.

    Attributes:
        name, patient_id, born, sex, age: as they are meant.
        site: of the lesion on the body.
        examiner: who made the report; the author in the PDF's description.
        notes: any length, with line breaks.
    """

    name: str = ""
    patient_id: str = ""
    born: str = ""
    sex: str = ""
    age: str = ""
    site: str = ""
    examiner: str = ""
    notes: str = ""


NOBODY = PatientFields()
"""Nothing was entered."""
