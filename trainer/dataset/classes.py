"""The seven classes of HAM10000: their short names, their full names, and which are malignant.

Source: Tschandl, Rosendahl, Kittler: The HAM10000 dataset, Scientific Data 5, 180161 (2018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FULL_NAMES: dict[str, str] = {
    "akiec": "Actinic keratosis or intraepithelial carcinoma",
    "bcc": "Basal cell carcinoma",
    "bkl": "Benign keratosis",
    "df": "Dermatofibroma",
    "mel": "Melanoma",
    "nv": "Melanocytic nevus",
    "vasc": "Vascular lesion",
}
"""Short name to full English name, in alphabetical order of the short names."""

HAM_CLASSES: tuple[str, ...] = tuple(FULL_NAMES)
"""The short names, sorted."""

MALIGNANT: tuple[str, ...] = ("akiec", "bcc", "mel")
"""Short names of the classes that are malignant or may become so, as a dataset is imported."""

_MALIGNANT_WORDS = frozenset(
    {
        *MALIGNANT,
        "ak",
        "actinic keratosis",
        "basal cell carcinoma",
        "malignant",
        "melanoma",
        "scc",
        "squamous cell carcinoma",
    }
)


def tidy_class(text: str) -> str:
    """Return a class name as it is stored: HAM10000 names in lower case, others as they were written."""
    name = " ".join(text.split())
    return name.lower() if name.lower() in FULL_NAMES else name


def full_name(class_name: str) -> str:
    """Return the full English name of a class, or the name itself where it is not one of HAM10000's."""
    return FULL_NAMES.get(class_name, class_name)


def malignant_among(class_names: Iterable[str]) -> tuple[str, ...]:
    """Return those of `class_names` that are malignant by name, sorted."""
    return tuple(
        sorted(name for name in class_names if name.lower().replace("_", " ").strip() in _MALIGNANT_WORDS)
    )
