"""What one types to find samples: words, and comparisons such as `age > 60 and site = back`.

```
query      = all { "or" all }
all        = one { ["and"] one }
one        = "not" one | "(" query ")" | field operator value | word
operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~"          "~" means "contains"
value      = word { word }                                        up to the next and, or, not or bracket
```
Words in quotation marks stand for themselves. A word finds samples whose sample, lesion or patient id contains it,
or whose class, part of the split or other text has a word that begins with it. Facts are searched by the names that
`trainer.dataset.fields` gives them.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, NoReturn, Protocol

import numpy as np
from PySide6.QtCore import QCoreApplication

from trainer.dataset import fields
from trainer.dataset.classes.names import full_name
from trainer.dataset.fields import CLASS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from skindesk.models.dataset.samples import Mask, SampleTable

_TOKEN = re.compile(
    r"\s*(?:(?P<operator><=|>=|!=|==|[=<>~:≤≥≠])|(?P<bracket>[()])"
    r'|"(?P<quoted>[^"]*)"|(?P<word>[^\s()=<>!~:≤≥≠"]+)|(?P<other>\S))'
)
_SAME_OPERATOR = {"==": "=", ":": "~", "≤": "<=", "≥": ">=", "≠": "!="}
_TEXTS = {
    "sample_id": ("id", "sample", "sample_id", "image"),
    "class_name": CLASS.query,
    "split": ("split", "part"),
}
_NUMBERS = {"width": ("width",), "height": ("height",), "bytes": ("kb",)}
"""Columns that are no facts to what they are called in a query, the usual name first."""

_UNKNOWN = frozenset({"unknown", "none", "?"})
_MOST_TOKENS = 2000  # words, signs and brackets
_DEEPEST = 50  # brackets and nots inside each other
_PER_KB = 1000.0


def field_names() -> str:
    """Return the usual names of all fields, for help texts."""
    return ", ".join(
        dict.fromkeys(names[0] for names in (*_named("text").values(), *_named("number").values()))
    )


def _named(kind: Literal["text", "number"]) -> dict[str, tuple[str, ...]]:
    """Return the columns of a kind with what they are called in a query."""
    facts = {field.name: field.query for field in fields.FACTS if field.kind == kind and field.query}
    return {**(_TEXTS if kind == "text" else _NUMBERS), **facts}


def _columns(kind: Literal["text", "number"]) -> dict[str, str]:
    """Return what is written in a query with the column that is meant."""
    return {name: column for column, names in _named(kind).items() for name in names}


def _meanings(name: str) -> Callable[[str], tuple[str, ...]]:
    """Return what gives a text of a column and what it stands for, both for comparing without regard to case."""
    if name == "class_name":
        return lambda text: (text, full_name(text).casefold())
    words = {
        short.casefold(): long.casefold()
        for field in fields.FACTS
        if field.name == name
        for short, long in field.words.items()
    }
    return lambda text: (text, words[text]) if text in words else (text,)


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
        words = ["split"]
        for field in fields.FACTS:
            if field.identifier:
                found |= table.text(field.name).where(lambda text: self.text in text)
            elif field.kind == "text":
                words.append(field.name)
        if self.text in table.class_name.folded:  # mel is one class, though melanocytic begins with it
            found |= table.class_name.where(lambda text: text == self.text)
        else:
            words.append("class_name")
        return np.asarray(np.logical_or.reduce([found, *(self._begins(table, name) for name in words)]))

    def _begins(self, table: SampleTable, name: str) -> Mask:
        begins = re.compile(rf"(?<!\w){re.escape(self.text)}")
        meanings = _meanings(name)
        return table.text(name).where(lambda text: any(begins.search(word) for word in meanings(text)))


_MARKED = frozenset({"malignant", "benign", "not stated"})


@dataclass(frozen=True)
class _TextTest:
    field: str
    operator: str
    value: str

    def matches(self, table: SampleTable) -> Mask:
        column = table.text(self.field)
        meanings = _meanings(self.field)
        if self.operator == "!=":
            return ~_TextTest(self.field, "=", self.value).matches(table)
        if self.operator == "~":
            return column.where(lambda text: any(self.value in name for name in meanings(text)))
        if self.value in _UNKNOWN and self.value not in column.folded:
            return np.asarray(column.codes < 0)
        if self.field == "class_name" and self.value in _MARKED:
            return column.among([name for name in column.texts if table.marks.of(name) == self.value])
        return column.where(lambda text: self.value in meanings(text))


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
        numbers = table.number(self.field) / (_PER_KB if self.field == "bytes" else 1.0)
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
    if len(tokens) > _MOST_TOKENS:
        _fail(
            QCoreApplication.translate(
                "Query", "The search is too long; the limit is {} words and signs."
            ).format(f"{_MOST_TOKENS:,}")
        )
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
        self._at = self._depth = 0

    def whole(self) -> Query:
        query = self._query()
        if self._peek() is not None:
            _fail(QCoreApplication.translate("Query", "There is a closing bracket without an opening one."))
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
            with self._deeper():
                return _Not(self._one())
        if token == _Token("bracket", "("):
            with self._deeper():
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

    @contextlib.contextmanager
    def _deeper(self) -> Iterator[None]:
        """Read what stands inside a bracket or after a not."""
        self._depth += 1
        if self._depth > _DEEPEST:
            _fail(
                QCoreApplication.translate(
                    "Query", "Brackets or nots are nested too deeply; the limit is {}."
                ).format(_DEEPEST)
            )
        yield
        self._depth -= 1

    def _comparison(self, name: str, sign: str) -> Query:
        value = self._value(f"{name} {sign}")
        field = name.casefold()
        texts, numbers = _columns("text"), _columns("number")
        if field in texts:
            if sign not in {"=", "!=", "~"}:
                _fail(
                    QCoreApplication.translate(
                        "Query", "“{0}” is text: compare it with =, != or ~ (contains)."
                    ).format(name)
                )
            return _TextTest(texts[field], sign, value.casefold())
        if field not in numbers:
            _fail(
                QCoreApplication.translate("Query", "There is no field “{0}”; the fields are {1}.").format(
                    name, field_names()
                )
            )
        if sign == "~":
            _fail(
                QCoreApplication.translate(
                    "Query", "“{0}” is a number: compare it with =, !=, <, <=, > or >=."
                ).format(name)
            )
        if value.casefold() in _UNKNOWN and sign in {"=", "!="}:
            return _NumberTest(numbers[field], sign, float("nan"))
        try:
            number = float(value.replace(",", "."))
        except ValueError:
            number = float("nan")
        if not np.isfinite(number):
            _fail(
                QCoreApplication.translate(
                    "Query", "“{1}” is not a number; compare {0} with a number, for example {0} > 60."
                ).format(name, value)
            )
        return _NumberTest(numbers[field], sign, number)

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
