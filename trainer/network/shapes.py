"""Which arrays a network has, known from its settings before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.arrays import Array
    from trainer.backbones import Backbone
    from trainer.config import HeadSettings

_NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")


def head_shapes(features: int, classes: int, head: HeadSettings) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of a head, by canonical name.

    Args:
        features: of the backbone.
        classes: number of logits.
        head: its settings.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    if head.batch_normalization:
        shapes = {f"head.000.batch_normalization.{role}": (features,) for role in _NORMALIZATION}
    width = features
    for index, units in enumerate((*head.dense, classes), start=int(head.batch_normalization)):
        shapes[f"head.{index:03d}.dense.kernel"] = (width, units)
        shapes[f"head.{index:03d}.dense.bias"] = (units,)
        width = units
    return shapes


def check_arrays(arrays: Mapping[str, Array], backbone: Backbone, classes: int, head: HeadSettings) -> None:
    """Compare arrays with the network they are said to be of: a head that is not theirs may be too large to build.

    The head's are compared by name and shape, the backbone's by how many numbers they are; their names and shapes are
    compared when they are assigned.

    Raises:
        WeightsError: they are another network's.
    """
    expected = head_shapes(backbone.features, classes, head)
    found = {name: array.shape for name, array in arrays.items() if not name.startswith("backbone.")}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise WeightsError(
                "The weights do not belong to the network that the bundle describes: "
                f"{name} {_words(found.get(name))}, and should {_wish(expected.get(name))}."
            )
    numbers = sum(array.size for name, array in arrays.items() if name not in found)
    if numbers != backbone.parameters:
        raise WeightsError(
            "The weights do not belong to the network that the bundle describes: its backbone has "
            f"{numbers:,} numbers, and {backbone.title} has {backbone.parameters:,}."
        )


def _words(shape: tuple[int, ...] | None) -> str:
    return "is missing" if shape is None else f"has the shape {shape}"


def _wish(shape: tuple[int, ...] | None) -> str:
    return "not be there" if shape is None else f"have {shape}"
