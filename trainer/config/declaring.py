"""What is declared of a setting beside its type and range: its name, what it does, and how a form shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Group: TypeAlias = Literal[
    "", "basic", "head", "augmentation", "steps", "schedule", "validation", "geometry", "machine"
]
Step: TypeAlias = Literal["one", "double", "ten", "tenth", "hundredth"]
"""What an arrow key does to a number: adds 1, doubles, adds 10, adds 0.1 or 0.01 (of what is shown)."""
EditorKind: TypeAlias = Literal["", "slider", "metric", "block", "weights", "sizes", "stages"]

GROUP_TITLES: dict[Group, str] = {
    "basic": "Training",
    "head": "Head",
    "augmentation": "Augmentation",
    "steps": "Optimization",
    "schedule": "Learning-rate schedule",
    "validation": "Validation and prediction",
    "geometry": "Image geometry",
    "machine": "Machine",
}
"""Sections of the form, in order; the first is always open."""


@dataclass(frozen=True)
class About:
    """Stands in a setting's annotation: `Annotated[int, Meta(ge=1), About("Epochs", "Passes over ...", "basic")]`.

    A window translates these texts when it shows them.

    Attributes:
        title: a few words.
        help: a sentence or two: what it does and when to change it.
        group: section of the form; empty for a setting without a field.
        unit: behind a number.
        scale: what is shown is the value times this (100 for percent).
        step: of an arrow key.
        choices: value as text and words, in the order to offer them, where the words are not the value.
        when: another setting of the same struct and its values for which this one has an effect.
        editor: where the type does not say it.
    """

    title: str
    help: str
    group: Group
    unit: str = ""
    scale: float = 1.0
    step: Step = "one"
    choices: tuple[tuple[str, str], ...] = ()
    when: tuple[str, tuple[str, ...]] | None = None
    editor: EditorKind = ""
