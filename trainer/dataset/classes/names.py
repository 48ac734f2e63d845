"""Classes of skin lesions: their short names, their full names, which spellings are one class.

Sources: Tschandl, Rosendahl, Kittler: The HAM10000 dataset, Scientific Data 5, 180161 (2018), for the seven classes;
the ISIC challenge of 2019 for squamous cell carcinoma.
"""

from __future__ import annotations

import functools
import re
import unicodedata
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
    "scc": "Squamous cell carcinoma",
    "vasc": "Vascular lesion",
}
"""Short name to full English name, in alphabetical order of the short names."""

HAM_CLASSES: tuple[str, ...] = tuple(name for name in FULL_NAMES if name != "scc")
"""The short names of HAM10000's seven classes, sorted."""

_OTHER_SHORT_NAMES = {"ak": "akiec"}
_OTHER_FULL_NAMES = {
    "actinic keratosis": "akiec",
    "actinic keratoses": "akiec",
    "actinic keratosis bowen s disease": "akiec",
    "actinic keratosis bowen s disease intraepithelial carcinoma": "akiec",
    "actinic keratoses and intraepithelial carcinoma": "akiec",
    "actinic keratoses and intraepithelial carcinoma bowen s disease": "akiec",
    "benign keratosis like lesion": "bkl",
    "benign keratosis like lesions": "bkl",
    "melanocytic nevi": "nv",
    "vascular lesions": "vasc",
}
"""Full names in lower case, with single blanks in place of all other signs."""

_SHORT = {**{name: name for name in FULL_NAMES}, **_OTHER_SHORT_NAMES}
_FULL = {**{full.casefold(): name for name, full in FULL_NAMES.items()}, **_OTHER_FULL_NAMES}


def tidy_class(text: str) -> str:
    """Return a class name as it is stored: known short names in lower case, others as written, in Unicode's NFC."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    return short_class(name) or name


def short_class(name: str) -> str | None:
    """Return the class that a short name stands for, whatever its capitals; `None` if it is no known short name."""
    return _SHORT.get(_folded(name))


@functools.lru_cache(maxsize=4096)  # a name is asked for with every sample that has it
def class_identity(name: str) -> str:
    """Return what is the same for all spellings of a class.

    Capitals, the Unicode form and blanks make no difference; a known class in full is the same as its short name.

    Returns:
        The short name of a known class; of any other, the name for comparing only.
    """
    folded = _folded(name)
    words = " ".join(re.findall(r"[^\W_]+", folded))
    return _SHORT.get(folded) or _FULL.get(words) or folded


def spelt_as(name: str, names: Iterable[str]) -> str:
    """Return the one of `names` that is the same class as `name`, or `name` itself if there is none."""
    wanted = class_identity(name)
    there = list(names)
    if name in there:
        return name
    return next((other for other in there if class_identity(other) == wanted), name)


def full_name(class_name: str) -> str:
    """Return the full English name of a class, or the name itself where it is not a known one."""
    return FULL_NAMES.get(class_name, class_name)


def in_sentence(class_name: str) -> str:
    """Return the full name of a class as it stands in the middle of a sentence; an unknown one as it is written."""
    name = FULL_NAMES.get(class_name)
    return class_name if name is None else name[0].lower() + name[1:]


def _folded(name: str) -> str:
    # Folding can undo the Unicode form, so it is made again.
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return " ".join(folded.split())
