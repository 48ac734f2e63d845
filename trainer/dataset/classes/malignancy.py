"""Which classes are malignant or precancerous, which are benign, and of which the name says neither.

A name is read word by word, in the spellings of the field: any form of melanoma, carcinoma, sarcoma, lymphoma or
metastasis, in situ included, and what may turn into one (actinic keratosis, Bowen's disease, lentigo maligna).
Negations are heeded. A class that mixes malignant and benign lesions counts as malignant. Precancerous lesions are
malignant here as in ISIC's binary tasks, where missing one is the costly mistake.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from trainer.dataset.classes.names import FULL_NAMES, class_identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Malignancy: TypeAlias = Literal["malignant", "benign", "not stated"]
"""Of a class; `malignant` stands for malignant or precancerous."""

MALIGNANT: tuple[str, ...] = ("akiec", "bcc", "mel", "scc")
"""Short names of the known classes that are malignant or precancerous; the others are benign."""

_ACTINIC = r"(?:actinic|solar)"
_MALIGNANT_TERM = re.compile(
    r"\b(?:"
    r"(?P<general>malign(?:ant|ancy|ancies|um)?|(?:pre)?cancer(?:s|ous)?|premalignan(?:t|cy)|mal(?= oth\b))"
    r"|maligna|melanom(?:as?|ata|es?)?|mel|ssm|lmm|alm"
    r"|(?!pseudo)\w*[ck]ar[cz]inom(?:as?|ata|es?)?|[a-z]?[bs]ccs?|sccka|sccis|iec|basaliom(?:as?)?|spinaliom(?:as?)?"
    r"|akiec|aks?|acks?|bowens?|bowenoid|erythroplasia"
    rf"|{_ACTINIC}(?: (?:or|and|pigmented|hyperkeratotic|lichenoid|{_ACTINIC}))* keratos[ei]s"
    rf"|keratos[ei]s {_ACTINIC}|actinic cheilitis"
    r"|merkel|mcc|keratoacanthomas?|ka|dfsp|(?!pseudo)\w*sarcomas?|kaposis?|metastas[ei]s|metastatic"
    r"|(?!pseudo)\w*lymphomas?|mycosis fungoides|sezary|ctcl|pagets?|leuka?emia|atypical fibroxanthomas?|afx"
    r")\b"
)
_BENIGN_TERM = re.compile(
    r"\b(?:"
    r"benign|ben(?= oth\b)|n[ae]*v(?:us|i|uses)|nv|moles?|dermatofibromas?|df|bkl|lplk"
    r"|seborr?ho?eic(?: \w+)? keratos[ei]s|keratos[ei]s seborr?ho?eic|seb? ?k|sks?|nev"
    r"|(?:lichenoid|lichen planus like|stucco) keratos[ei]s"
    r"|\w*angiomas?|angiokeratomas?|vasc|pyogenic granulomas?|lentigo|lentigines|lentigos|freckles?|ephelis"
    r"|melanosis|warts?|verrucae?|molluscum|cysts?|lipomas?|(?:neuro)?fibromas?|skin tags?|acrochordons?|milia"
    r"|sebaceous hyperplasia|syringomas?|poromas?|cylindromas?|pilomatri[cx]omas?|trichoepitheliomas?|scars?"
    r"|acne|rosacea|eczema|psoriasis|dermatitis|urticaria|tinea|vitiligo|normal|healthy"
    r")\b"
)
_ALL_THAT_FOLLOWS = re.compile(
    r"\b(?:no|without|excluding|except|other than|negative for|free (?:of|from)|absence of|rather than)\b"
    r"(?:(?!\b(?:but|with)\b).)*$"
)
_NEXT = re.compile(r"\b(?:non|not)(?: an?)? $")
_BENIGN_NEXT = re.compile(r"\bbenign (?:juvenile )?$")
_AFTERWARDS = re.compile(
    r" (?:(?:negative|excluded|ruled out|absent|like|mimics?|mimickers?|simulators?)\b|(?:free|false|no)$)"
)

_LONGEST = 500  # characters: no name of a class is longer, and patterns look back from each word


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """Which of some classes are malignant or precancerous, and which are benign; of the others it is not stated.

    Attributes:
        malignant, benign: names of classes, sorted.
    """

    malignant: tuple[str, ...] = ()
    benign: tuple[str, ...] = ()

    def of(self, class_name: str) -> Malignancy:
        """Return what is known of a class."""
        if class_name in self.malignant:
            return "malignant"
        return "benign" if class_name in self.benign else "not stated"

    def not_stated(self, class_names: Iterable[str]) -> tuple[str, ...]:
        """Return those of `class_names` that are neither malignant nor benign, sorted."""
        return tuple(sorted(name for name in class_names if self.of(name) == "not stated"))


def marks_of(malignancy: Mapping[str, Malignancy]) -> Marks:
    """Return the marks of classes by name."""
    return Marks(
        malignant=tuple(sorted(name for name, kind in malignancy.items() if kind == "malignant")),
        benign=tuple(sorted(name for name, kind in malignancy.items() if kind == "benign")),
    )


def marks_by_name(class_names: Iterable[str]) -> Marks:
    """Return what the names of classes say (see `malignancy_by_name`)."""
    return marks_of({name: malignancy_by_name(name) for name in class_names})


def malignancy_by_name(class_name: str) -> Malignancy:
    """Return whether a class's name says that it is malignant or benign; an unknown name says neither."""
    identity = class_identity(class_name)
    if identity in FULL_NAMES:
        return "malignant" if identity in MALIGNANT else "benign"
    words = _words(class_name)
    terms = list(_MALIGNANT_TERM.finditer(words))
    affirmed = [term for term in terms if not _denied(term, words)]
    if affirmed:
        return "malignant"
    # "No melanoma" leaves the other cancers open; "no malignancy" does not.
    benign = any(term["general"] for term in terms) or "non neoplastic" in words
    return "benign" if benign or _has_benign_term(words) else "not stated"


def mixed(class_name: str) -> bool:
    """Return whether a name mentions both malignant and benign lesions, as in "melanoma or nevus"."""
    if class_identity(class_name) in FULL_NAMES:
        return False
    return malignancy_by_name(class_name) == "malignant" and _has_benign_term(_words(class_name))


def mixed_note(class_name: str) -> str:
    """Return a sentence that a class mixes both, and how it counts."""
    return (
        f"The name of class {class_name!r} mentions both malignant and benign lesions; it counts as "
        "malignant. `classes --benign` marks it as benign."
    )


def _words(class_name: str) -> str:
    """Return a name in lower case, without accents, with single blanks between its words."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", class_name) if not unicodedata.combining(c))
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain).casefold().replace("'s ", " ")
    words = " ".join(re.findall(r"[^\W_]+", apart))[:_LONGEST]
    return re.sub(r"\bnon(?=melanoma|malignan|cancer|neoplas|carcinoma|benign)", "non ", words)


def _denied(term: re.Match[str], words: str) -> bool:
    before, after = words[: term.start()], words[term.end() :]
    if _ALL_THAT_FOLLOWS.search(before) or _NEXT.search(before) or _AFTERWARDS.match(after):
        return True
    return not term["general"] and _BENIGN_NEXT.search(before) is not None


def _has_benign_term(words: str) -> bool:
    # Lentigo maligna is no lentigo.
    there = (
        term for term in _BENIGN_TERM.finditer(words) if not re.match(r" maligna\b", words[term.end() :])
    )
    return any(not _denied_benign(term, words) for term in there)


def _denied_benign(term: re.Match[str], words: str) -> bool:
    before, after = words[: term.start()], words[term.end() :]
    return bool(_ALL_THAT_FOLLOWS.search(before) or _NEXT.search(before) or _AFTERWARDS.match(after))
