"""What the header of a bundle's weights must say, known from the manifest before anything is read or built."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import safetensors

from trainer.arrays import type_named
from trainer.errors import BundleError
from trainer.files import open_regular

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.backbones import Backbone
    from trainer.config import HeadSettings

_NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")
_LARGEST_HEADER = 4 << 20  # bytes; the network with the most arrays needs 0.1 MiB


class ArrayHead(NamedTuple):
    """What a safetensors file says of an array before its numbers.

    Attributes:
        shape: of the array.
        dtype: of its numbers.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def read_heads(path: Path) -> dict[str, ArrayHead]:
    """Read which arrays a safetensors file holds, by name, and check its length; the numbers are not read.

    Raises:
        BundleError: not a whole safetensors file.
        OSError: it cannot be read.
    """
    with open_regular(path) as stream:
        length = int.from_bytes(stream.read(8), "little")
    if length > _LARGEST_HEADER:
        raise BundleError(f"{path} is not a safetensors file: its header is too large.")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            heads = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
            return {
                name: ArrayHead(tuple(head.get_shape()), type_named(head.get_dtype()))
                for name, head in heads.items()
            }
    except (safetensors.SafetensorError, ValueError) as error:
        raise BundleError(f"{path} is not a safetensors file: {error}.") from error


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


def check_heads(path: Path, backbone: Backbone, classes: int, head: HeadSettings) -> None:
    """Compare the header of a weights file with the network it is said to be of.

    The head's arrays are compared by name and shape, the backbone's by how many numbers they are; their names and
    shapes are compared when they are assigned.

    Args:
        path: of the file.
        backbone: of the network.
        classes: number of logits.
        head: settings of what stands on the backbone.

    Raises:
        BundleError: they are another network's, or the file is not a whole safetensors file.
        OSError: it cannot be read.
    """
    heads = read_heads(path)
    foreign = f"The weights in {path} do not belong to the network that the bundle describes"
    for name, array in heads.items():
        if array.dtype != np.float32:
            raise BundleError(f"{foreign}: {name} must be float32, and is {array.dtype}.")
    expected = head_shapes(backbone.features, classes, head)
    found = {name: array.shape for name, array in heads.items() if not name.startswith("backbone.")}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise BundleError(
                f"{foreign}: {name} {_words(found.get(name))}, and should {_wish(expected.get(name))}."
            )
    numbers = sum(math.prod(array.shape) for name, array in heads.items() if name not in found)
    if numbers != backbone.parameters:
        raise BundleError(
            f"{foreign}: its backbone has {numbers:,} numbers, and {backbone.title} has {backbone.parameters:,}."
        )


def _words(shape: tuple[int, ...] | None) -> str:
    return "is missing" if shape is None else f"has the shape {shape}"


def _wish(shape: tuple[int, ...] | None) -> str:
    return "not be there" if shape is None else f"have {shape}"
