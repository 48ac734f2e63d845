"""The settings of a run one by one: types and ranges as `trainer.config` declares them, values by their path."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import msgspec
from msgspec import inspect
from PySide6.QtCore import QCoreApplication

from trainer.config import RunConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind: TypeAlias = Literal["whole", "number", "switch", "choice", "text", "several"]
Value: TypeAlias = bool | int | float | str | tuple[int, ...] | tuple[str, ...] | None


@dataclass(frozen=True)
class Leaf:
    """One setting.

    Attributes:
        path: names from `RunConfig` to it, with dots between.
        kind: of its value; `several` is a tuple.
        optional: whether it may be `None`.
        choices: its values, where it has only some.
        lowest, highest: bounds of a number (or of each number of several); infinite where there are none.
        above, below: whether the bound itself is left out.
    """

    path: str
    kind: Kind
    optional: bool = False
    choices: tuple[str | int, ...] = ()
    lowest: float = -math.inf
    highest: float = math.inf
    above: bool = False
    below: bool = False

    def accepts(self, number: float) -> bool:
        """Whether a number lies in the range."""
        low = number > self.lowest if self.above else number >= self.lowest
        high = number < self.highest if self.below else number <= self.highest
        return low and high

    def range_in_words(self, scale: float = 1.0, unit: str = "") -> str:
        """Return what may be entered, as a sentence.

        Args:
            scale: what is shown is the value times this.
            unit: behind the upper bound.
        """
        translate = QCoreApplication.translate
        low, high = _plain(self.lowest * scale), with_unit(_plain(self.highest * scale), unit)
        whole = self.kind in ("whole", "several")
        what = translate("Leaf", "a whole number") if whole else translate("Leaf", "a number")
        if math.isfinite(self.highest) and not (self.above or self.below):
            text = translate("Leaf", "Enter {what} from {low} to {high}.")
        elif math.isfinite(self.highest):
            text = (
                translate("Leaf", "Enter {what} above {low} and below {high}.")
                if self.above
                else translate("Leaf", "Enter {what} from {low} to below {high}.")
            )
        elif math.isfinite(self.lowest):
            text = (
                translate("Leaf", "Enter {what} above {low}.")
                if self.above
                else translate("Leaf", "Enter {what}, {low} or more.")
            )
        else:
            text = translate("Leaf", "Enter {what}.")
        return text.format(what=what, low=low, high=high)


@functools.cache
def leaves() -> dict[str, Leaf]:
    """Return every setting of a run by its path, in the order in which they are declared."""
    info = inspect.type_info(RunConfig)
    assert isinstance(info, inspect.StructType)
    return {leaf.path: leaf for leaf in _walk(info, "")}


def value_at(config: RunConfig, path: str) -> Value:
    """Return the value of a setting."""
    found: object = config
    for name in path.split("."):
        found = getattr(found, name)
    return cast("Value", found)


def with_value(config: RunConfig, path: str, value: Value) -> RunConfig:
    """Return the settings with one value changed; ranges are not checked."""
    return cast("RunConfig", _replaced(config, path.split("."), value))


def parse_number(text: str, leaf: Leaf, scale: float = 1.0) -> float | None:
    """Read a number that a person has typed.

    Args:
        text: with a point or a comma before the decimals; spaces, and commas between thousands of whole numbers,
            are left out of account.
        leaf: the setting it is for.
        scale: what is typed is the value times this.

    Returns:
        The value, an int for a whole number, or `None` if it is no number or out of range.
    """
    tidy = "".join(text.split()).replace("\N{MINUS SIGN}", "-")
    whole = leaf.kind in ("whole", "several")
    if "," in tidy:
        tidy = tidy.replace(",", "" if whole or "." in tidy else ".")
    try:
        number = int(tidy) if whole else float(tidy) / scale
    except ValueError:
        return None
    return number if math.isfinite(number) and leaf.accepts(number) else None


def show_number(value: float, scale: float = 1.0) -> str:
    """Return a number as it is shown in a field; reading it gives the same number."""
    return _plain(value * scale, separated=False)


def with_unit(number: str, unit: str) -> str:
    """Return a number with its unit behind it."""
    return number + ("" if not unit else unit if unit == "°" else f" {unit}")


def _plain(number: float, *, separated: bool = True) -> str:
    if math.isinf(number):
        return ""
    if float(number).is_integer() and abs(number) < 1e15:  # noqa: PLR2004 - beyond it, digits are not exact
        return f"{int(number):,}" if separated else str(int(number))
    return f"{number:.12g}"


def _replaced(struct: object, names: list[str], value: Value) -> object:
    assert isinstance(struct, msgspec.Struct)
    name, *rest = names
    changed = _replaced(getattr(struct, name), rest, value) if rest else value
    return msgspec.structs.replace(struct, **{name: changed})


def _walk(struct: inspect.StructType, before: str) -> Iterator[Leaf]:
    for field in struct.fields:
        path = before + field.name
        if isinstance(field.type, inspect.StructType):
            yield from _walk(field.type, path + ".")
        else:
            yield _leaf(path, field.type)


def _leaf(path: str, kind: inspect.Type) -> Leaf:
    optional = False
    if isinstance(kind, inspect.UnionType):
        optional = any(isinstance(part, inspect.NoneType) for part in kind.types)
        (kind,) = (part for part in kind.types if not isinstance(part, inspect.NoneType))
    if isinstance(kind, inspect.BoolType):
        return Leaf(path, "switch", optional)
    if isinstance(kind, inspect.LiteralType):
        return Leaf(path, "choice", optional, choices=_choices(kind))
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return _number(path, kind, "whole" if isinstance(kind, inspect.IntType) else "number", optional)
    if isinstance(kind, inspect.VarTupleType):
        if isinstance(kind.item_type, inspect.IntType):
            return _number(path, kind.item_type, "several", optional)
        assert isinstance(kind.item_type, inspect.LiteralType)
        return Leaf(path, "several", optional, choices=_choices(kind.item_type))
    assert isinstance(kind, inspect.StrType), f"{path} has a type that no form knows"
    return Leaf(path, "text", optional)


def _choices(kind: inspect.LiteralType) -> tuple[str | int, ...]:
    return tuple(value for value in kind.values if isinstance(value, str | int))


def _number(path: str, kind: inspect.IntType | inspect.FloatType, name: Kind, optional: bool) -> Leaf:
    low = kind.gt if kind.gt is not None else kind.ge
    high = kind.lt if kind.lt is not None else kind.le
    return Leaf(
        path,
        name,
        optional,
        lowest=-math.inf if low is None else low,
        highest=math.inf if high is None else high,
        above=kind.gt is not None,
        below=kind.lt is not None,
    )
