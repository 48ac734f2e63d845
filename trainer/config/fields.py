"""The settings of a run one by one, by their path: type, range and words as they are declared."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

import msgspec
from msgspec import inspect

from trainer.config.declaring import About
from trainer.config.settings import RunConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.config.types import StageName

Kind: TypeAlias = Literal["whole", "number", "switch", "choice", "text", "several"]
Value: TypeAlias = bool | int | float | str | tuple[int, ...] | tuple[str, ...] | None

_STAGES: dict[str, StageName] = {"head_stage": "head", "fine_tune_stage": "fine-tune"}


@dataclass(frozen=True)
class Field:
    """One setting.

    Attributes:
        path: names from `RunConfig` to it, with dots between.
        kind: of its value; `several` is a tuple.
        about: its words.
        optional: whether it may be `None`.
        choices: its values, where it has only some.
        lowest, highest: bounds of a number (or of each number of several); infinite where there are none.
        above, below: whether the bound itself is left out.
    """

    path: str
    kind: Kind
    about: About
    optional: bool = False
    choices: tuple[str | int, ...] = ()
    lowest: float = -math.inf
    highest: float = math.inf
    above: bool = False
    below: bool = False

    @property
    def stage(self) -> StageName | None:
        """The stage it belongs to, if to one."""
        return _STAGES.get(self.path.partition(".")[0])

    def accepts(self, number: float) -> bool:
        """Whether a number lies in the range."""
        low = number > self.lowest if self.above else number >= self.lowest
        high = number < self.highest if self.below else number <= self.highest
        return low and high

    def has_effect(self, config: RunConfig) -> bool:
        """Whether the setting it depends on has a fitting value; its stage may still not be trained."""
        if self.about.when is None:
            return True
        sibling, values = self.about.when
        parent = self.path.rpartition(".")[0]
        return str(value_at(config, f"{parent}.{sibling}" if parent else sibling)) in values


@functools.cache
def fields() -> dict[str, Field]:
    """Return every setting of a run by its path, in the order in which they are declared."""
    return {field.path: field for field in _walk(RunConfig, "")}


def value_at(config: RunConfig, path: str) -> Value:
    """Return the value of a setting."""
    found: object = config
    for name in path.split("."):
        found = getattr(found, name)
    return cast("Value", found)


def with_value(config: RunConfig, path: str, value: Value) -> RunConfig:
    """Return the settings with one value changed; ranges are not checked."""
    return cast("RunConfig", _replaced(config, path.split("."), value))


def _replaced(struct: object, names: list[str], value: Value) -> object:
    assert isinstance(struct, msgspec.Struct)
    name, *rest = names
    changed = _replaced(getattr(struct, name), rest, value) if rest else value
    return msgspec.structs.replace(struct, **{name: changed})


def _walk(struct: type[msgspec.Struct], before: str) -> Iterator[Field]:
    for field in msgspec.structs.fields(struct):
        path = before + field.name
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _walk(field.type, path + ".")
        else:
            yield _field(path, inspect.type_info(field.type), _words(field.type))


def _words(kind: object) -> About:
    return next(note for note in get_args(kind)[1:] if isinstance(note, About))


def _field(path: str, kind: inspect.Type, words: About) -> Field:
    optional = False
    if isinstance(kind, inspect.UnionType):
        optional = any(isinstance(part, inspect.NoneType) for part in kind.types)
        (kind,) = (part for part in kind.types if not isinstance(part, inspect.NoneType))
    if isinstance(kind, inspect.BoolType):
        return Field(path, "switch", words, optional)
    if isinstance(kind, inspect.LiteralType):
        return Field(path, "choice", words, optional, choices=_choices(kind))
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        name: Kind = "whole" if isinstance(kind, inspect.IntType) else "number"
        return _number(Field(path, name, words, optional), kind)
    if isinstance(kind, inspect.VarTupleType):
        several = Field(path, "several", words, optional)
        if isinstance(kind.item_type, inspect.IntType):
            return _number(several, kind.item_type)
        assert isinstance(kind.item_type, inspect.LiteralType)
        return replace(several, choices=_choices(kind.item_type))
    assert isinstance(kind, inspect.StrType), f"{path} has a type that no form knows"
    return Field(path, "text", words, optional)


def _choices(kind: inspect.LiteralType) -> tuple[str | int, ...]:
    return tuple(value for value in kind.values if isinstance(value, str | int))


def _number(field: Field, kind: inspect.IntType | inspect.FloatType) -> Field:
    low = kind.gt if kind.gt is not None else kind.ge
    high = kind.lt if kind.lt is not None else kind.le
    return replace(
        field,
        lowest=-math.inf if low is None else low,
        highest=math.inf if high is None else high,
        above=kind.gt is not None,
        below=kind.lt is not None,
    )
