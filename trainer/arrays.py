"""Named NumPy arrays as the bytes of a safetensors file, and back, bit for bit.

The format holds names, shapes, types and numbers, and nothing that could run
(https://huggingface.co/docs/safetensors: header in JSON, then the raw numbers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import safetensors
from safetensors.numpy import save

if TYPE_CHECKING:
    from collections.abc import Mapping

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
"""An array of any shape and any type that safetensors knows."""

_NUMPY_NAMES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "F16": "float16",
    "U32": "uint32",
    "I32": "int32",
    "F32": "float32",
    "U64": "uint64",
    "I64": "int64",
    "F64": "float64",
}


def type_named(name: str) -> np.dtype[Any]:
    """Return NumPy's type of what safetensors calls `F32` and the like.

    Raises:
        ValueError: there is none.
    """
    if name == "BF16":
        import ml_dtypes

        bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return bfloat16
    if name not in _NUMPY_NAMES:
        raise ValueError(f"numbers of the unknown type {name}")
    return np.dtype(_NUMPY_NAMES[name])


def encode_arrays(arrays: Mapping[str, Array]) -> bytes:
    """Return the content of a safetensors file with `arrays`, each of any shape, scalars and empty ones too."""
    # Only dense rows can be written: a transposed or sliced view is copied first. `ascontiguousarray`
    # would turn a scalar into an array of one.
    dense = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    return bytes(save(dense))


def decode_arrays(content: bytes) -> dict[str, Array]:
    """Read the content of a safetensors file.

    Returns:
        Read-only arrays by name, each with the shape and type it was written with.

    Raises:
        ValueError: not a whole safetensors file; the message says why in a few words.
    """
    try:
        found = safetensors.deserialize(content)  # type: ignore[no-untyped-call]  # its stub has no types
    except safetensors.SafetensorError as error:
        raise ValueError(str(error)) from error
    return {
        name: np.frombuffer(entry["data"], dtype=type_named(entry["dtype"])).reshape(entry["shape"])
        for name, entry in found
    }
