"""What one types to find samples: words, and comparisons such as `age > 60 and site = back`.

```
query      = all { "or" all }
all        = one { ["and"] one }
one        = "not" one | "(" query ")" | field operator value | word
operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~"          "~" means "contains"
value      = word { word }                                        up to the next and, or, not or bracket
```
Words in quotation marks stand for themselves. A word finds samples whose sample, lesion or patient id contains it,
or whose class, site, sex, kind of confirmation or part of the split has a word that begins with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol

import numpy as np
from PySide6.QtCore import QCoreApplication

from trainer.dataset.classes import full_name

if TYPE_CHECKING:
    from skindesk.models.dataset.samples import Mask, SampleTable, TextColumn

_TOKEN = re.compile(
    r"\s*(?:(?P<operator><=|>=|!=|==|[=<>~:≤≥≠])|(?P<bracket>[()])"
    r'|"(?P<quoted>[^"]*)"|(?P<word>[^\s()=<>!~:≤≥≠"]+)|(?P<other>\S))'
)
_SAME_OPERATOR = {"==": "=", ":": "~", "≤": "<=", "≥": ">=", "≠": "!="}
_TEXT_FIELDS = {
    "id": "id",
    "sample": "id",
    "sample_id": "id",
    "image": "id",
    "class": "class_name",
    "dx": "class_name",
    "diagnosis": "class_name",
    "lesion": "lesion",
    "lesion_id": "lesion",
    "patient": "patient",
    "patient_id": "patient",
    "split": "split",
    "part": "split",
    "site": "site",
    "localization": "site",
    "sex": "sex",
    "dx_type": "dx_type",
    "confirmed": "dx_type",
}
_NUMBER_FIELDS = {"age": "age", "width": "width", "height": "height", "kb": "kb"}
FIELDS = "id, class, lesion, patient, split, site, sex, dx_type, age, width, height, kb"
"""The fields' usual names, for help texts."""

_UNKNOWN = frozenset({"unknown", "none", "?"})
_PER_KB = 1000.0


class QueryError(ValueError):
    """A query cannot be understood; the message says why in one sentence."""


class Query(Protocol):
    """Something that samples fulfil or not."""

    def matches(self, table: SampleTable) -> Mask:
        """Return (n,) whether each sample fulfils it."""
        ...


@dataclass(frozen=True)
class _Every:
    parts: tuple[Query, ...]

    def matches(self, table: SampleTable) -> Mask:
        return np.asarray(np.logical_and.reduce([part.matches(table) for part in self.parts]))


@dataclass(frozen=True)
class _Any:
    parts: tuple[Query, ...]

    def matches(self, table: SampleTable) -> Mask:
        return np.asarray(np.logical_or.reduce([part.matches(table) for part in self.parts]))


@dataclass(frozen=True)
class _Not:
    part: Query

    def matches(self, table: SampleTable) -> Mask:
        return ~self.part.matches(table)


@dataclass(frozen=True)
class _Word:
    text: str

    def matches(self, table: SampleTable) -> Mask:
        found = table.id.where(lambda text: self.text in text)
        for column in (table.lesion, table.patient):
            found |= column.where(lambda text: self.text in text)
        begins = re.compile(rf"(?<!\w){re.escape(self.text)}")
        for column in (table.site, table.sex, table.dx_type, table.split):
            found |= column.where(lambda text: begins.search(text) is not None)
        if self.text in table.class_name.folded:  # mel is one class, though melanocytic begins with it
            return found | table.class_name.where(lambda text: text == self.text)
        return found | table.class_name.where(
            lambda text: any(begins.search(name) for name in (text, full_name(text).casefold()))
        )


@dataclass(frozen=True)
class _TextTest:
    field: str
    operator: str
    value: str

    def matches(self, table: SampleTable) -> Mask:
        column: TextColumn = getattr(table, self.field)
        if self.operator == "!=":
            return ~_TextTest(self.field, "=", self.value).matches(table)
        if self.operator == "~":
            return column.where(lambda text: any(self.value in name for name in self._names(text)))
        if self.value in _UNKNOWN and self.value not in column.folded:
            return np.asarray(column.codes < 0)
        if self.field == "class_name" and self.value in {"malignant", "benign"}:
            return np.asarray(column.among(table.malignant) == (self.value == "malignant"))
        return column.where(lambda text: self.value in self._names(text))

    def _names(self, text: str) -> tuple[str, ...]:
        return (text, full_name(text).casefold()) if self.field == "class_name" else (text,)


_COMPARE: dict[str, np.ufunc] = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


@dataclass(frozen=True)
class _NumberTest:
    field: str
    operator: str
    value: float

    def matches(self, table: SampleTable) -> Mask:
        numbers = table.bytes / _PER_KB if self.field == "kb" else getattr(table, self.field)
        known = ~np.isnan(numbers)
        if np.isnan(self.value):
            return np.asarray(known if self.operator == "!=" else ~known)
        return np.asarray(known & _COMPARE[self.operator](numbers, self.value))


class _Token(NamedTuple):
    kind: str
    text: str


def parse_query(text: str) -> Query | None:
    """Understand what was typed.

    Args:
        text: see the top of this module.

    Returns:
        The query; `None` if nothing was typed.

    Raises:
        QueryError: it cannot be understood.
    """
    tokens = _tokens(text)
    return _Parser(tokens).whole() if tokens else None


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    for match in _TOKEN.finditer(text.strip()):
        kind = str(match.lastgroup)
        found = match.group(kind)
        if kind == "other":
            _fail(
                QCoreApplication.translate("Query", "A quotation mark is not closed.")
                if found == '"'
                else QCoreApplication.translate("Query", "“{}” is not understood.").format(found)
            )
        if kind == "operator":
            found = _SAME_OPERATOR.get(found, found)
        elif kind == "word" and found.casefold() in {"and", "or", "not"}:
            kind, found = "keyword", found.casefold()
        tokens.append(_Token(kind, found))
    return tokens


def _fail(sentence: str) -> NoReturn:
    raise QueryError(sentence)


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def whole(self) -> Query:
        query = self._query()
        if self._peek() is not None:
            _fail(QCoreApplication.translate("Query", "A bracket is closed that was not opened."))
        return query

    def _peek(self, ahead: int = 0) -> _Token | None:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _take(self, kind: str, text: str) -> bool:
        if self._peek() != _Token(kind, text):
            return False
        self._at += 1
        return True

    def _query(self) -> Query:
        parts = [self._all()]
        while self._take("keyword", "or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else _Any(tuple(parts))

    def _all(self) -> Query:
        parts = [self._one()]
        while (token := self._peek()) is not None and token not in (
            _Token("keyword", "or"),
            _Token("bracket", ")"),
        ):
            self._take("keyword", "and")
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else _Every(tuple(parts))

    def _one(self) -> Query:
        token = self._peek()
        if token is None:
            _fail(QCoreApplication.translate("Query", "Something is missing at the end."))
        self._at += 1
        if token == _Token("keyword", "not"):
            return _Not(self._one())
        if token == _Token("bracket", "("):
            inside = self._query()
            if not self._take("bracket", ")"):
                _fail(QCoreApplication.translate("Query", "A bracket is not closed."))
            return inside
        if token.kind in {"keyword", "bracket", "operator"}:
            _fail(
                QCoreApplication.translate("Query", "A word or a comparison is missing before “{}”.").format(
                    token.text
                )
            )
        following = self._peek()
        if token.kind == "word" and following is not None and following.kind == "operator":
            self._at += 1
            return self._comparison(token.text, following.text)
        return _Word(token.text.casefold())

    def _comparison(self, name: str, sign: str) -> Query:
        value = self._value(f"{name} {sign}")
        field = name.casefold()
        if field in _TEXT_FIELDS:
            if sign not in {"=", "!=", "~"}:
                _fail(
                    QCoreApplication.translate(
                        "Query", "“{0}” is text: compare it with =, != or ~ (contains)."
                    ).format(name)
                )
            return _TextTest(_TEXT_FIELDS[field], sign, value.casefold())
        if field not in _NUMBER_FIELDS:
            _fail(
                QCoreApplication.translate("Query", "There is no field “{0}”; there are {1}.").format(
                    name, FIELDS
                )
            )
        if sign == "~":
            _fail(
                QCoreApplication.translate(
                    "Query", "“{0}” is a number: compare it with =, !=, <, <=, > or >=."
                ).format(name)
            )
        if value.casefold() in _UNKNOWN and sign in {"=", "!="}:
            return _NumberTest(_NUMBER_FIELDS[field], sign, float("nan"))
        try:
            number = float(value.replace(",", "."))
        except ValueError:
            number = float("nan")
        if not np.isfinite(number):
            _fail(
                QCoreApplication.translate(
                    "Query", "“{1}” is no number; compare {0} with one, for instance {0} > 60."
                ).format(name, value)
            )
        return _NumberTest(_NUMBER_FIELDS[field], sign, number)

    def _value(self, before: str) -> str:
        words: list[str] = []
        while (token := self._peek()) is not None and token.kind in {"word", "quoted"}:
            following = self._peek(1)
            if words and following is not None and following.kind == "operator":
                break  # the next comparison begins, as in `age > 60 sex = male`
            words.append(token.text)
            self._at += 1
        if not words:
            _fail(QCoreApplication.translate("Query", "Nothing follows “{}”.").format(before))
        return " ".join(words)
