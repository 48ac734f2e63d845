"""Reads Keras weights files (HDF5) by h5py alone, and trusts nothing in them.

Two layouts are known. Keras 3 writes `layers/<class>_<n>/vars/<i>`, where `<class>_<n>` numbers the layers of
each class in the model's order (https://keras.io/api/models/model_saving_apis/weights_saving_and_loading).
Keras 1 and 2, and so the official ImageNet files, list the layers in the attribute `layer_names` and the arrays
of each in its attribute `weight_names`.

Only hard links are followed, no dataset may lie outside the file, and no number is read before the caller has
seen the shape: a file can neither point elsewhere nor claim more memory than the network it is meant for.
"""

from __future__ import annotations

import contextlib
import math
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any, Literal

import h5py
import msgspec
import numpy as np

from trainer.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_MAX_LAYERS = 10_000
_MAX_ARRAYS = 64
_MAX_CHUNK_BYTES = 64 << 20

_NO_MEMBER = "a part listed in it is missing"


class _RefusedError(Exception):
    """The file holds something that is not followed or read; the message says what."""


class StoredArray(msgspec.Struct, frozen=True):
    """An array in a weights file, not read yet.

    Attributes:
        role: the variable's name ("kernel"); empty where the file does not say.
        shape: of the array.
        dataset: what h5py holds of it.
    """

    role: str
    shape: tuple[int, ...]
    dataset: Any

    def read(self) -> NDArray[np.float32]:
        """Read the numbers, of any float type in the file.

        Raises:
            WeightsError: they cannot be read, or some are not finite.
        """
        where = f"{self.dataset.name} in {self.dataset.file.filename}"
        try:
            stored = self.dataset[()]
        except (OSError, RuntimeError, ValueError) as error:
            raise WeightsError(
                f"{where} cannot be read; the file is damaged, so download it again."
            ) from error
        if self.dataset.dtype.kind == "V":
            stored = _from_bfloat16(stored)
        values = np.asarray(stored, dtype=np.float32)
        if not np.isfinite(values).all():
            raise WeightsError(f"{where} contains values that are not finite; the file cannot be used.")
        return values


class StoredLayer(msgspec.Struct, frozen=True):
    """A layer in a weights file that has arrays.

    Attributes:
        name: of the layer when it was saved; in Keras 3's layout, class and number.
        arrays: in the layer's own order.
    """

    name: str
    arrays: tuple[StoredArray, ...]

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return sum(math.prod(array.shape) for array in self.arrays)


class StoredWeights(msgspec.Struct, frozen=True):
    """What a weights file holds.

    Attributes:
        layout: `by-class` (Keras 3) or `by-order` (before).
        layers: those with arrays; their order means something in `by-order` only.
    """

    layout: Literal["by-class", "by-order"]
    layers: tuple[StoredLayer, ...]


@contextlib.contextmanager
def open_weights(path: Path) -> Iterator[StoredWeights]:
    """Open a weights file and list what it holds; arrays can be read until the block ends.

    Raises:
        WeightsError: no such file, no HDF5, not written by Keras, damaged, or it points outside itself.
    """
    if not path.is_file():
        raise WeightsError(f"There is no weights file {path}; check the path.")
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(h5py.File(path, "r"))
            stored = _listed(file)
        except _RefusedError as error:
            raise WeightsError(f"The weights file {path} cannot be used: {error}.") from error
        except PermissionError as error:
            raise WeightsError(
                f"There is no permission to read the weights file {path}; change its permissions."
            ) from error
        # h5py reports damage by whichever of these its C library led to.
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, UnicodeDecodeError) as error:
            raise WeightsError(
                f"{path} is not an HDF5 weights file, or it is damaged or incomplete; download it again."
            ) from error
        if not stored.layers:
            raise WeightsError(f"{path} is an HDF5 file but contains no Keras weights.")
        yield stored


def _listed(file: Any) -> StoredWeights:  # noqa: ANN401 - h5py ships no types
    if "layers" in file:
        return StoredWeights("by-class", tuple(_by_class(_member(file, "layers"))))
    # `model.save` of Keras 2 puts the same one level down.
    root = _member(file, "model_weights") if "model_weights" in file else file
    return StoredWeights("by-order", tuple(_by_order(root)))


def _by_class(layers: Any) -> Iterator[StoredLayer]:  # noqa: ANN401 - h5py ships no types
    if len(layers) > _MAX_LAYERS:
        raise _RefusedError(f"it lists {len(layers):,} layers")
    for name in layers:
        group = _member(layers, name)
        if not isinstance(group, h5py.Group) or "vars" not in group:
            continue
        variables = _member(group, "vars")
        size = len(variables)
        if size > _MAX_ARRAYS:
            raise _RefusedError(f"its layer {name} lists {size:,} arrays")
        if size:
            yield StoredLayer(name, tuple(_array(variables, str(k), role="") for k in range(size)))


def _by_order(root: Any) -> Iterator[StoredLayer]:  # noqa: ANN401 - h5py ships no types
    for layer_name in _names(root, "layer_names", _MAX_LAYERS):
        group = _member(root, layer_name)
        weight_names = _names(group, "weight_names", _MAX_ARRAYS)
        if weight_names:
            arrays = (
                _array(group, name, role=name.rsplit("/", 1)[-1].removesuffix(":0")) for name in weight_names
            )
            yield StoredLayer(layer_name, tuple(arrays))


def _names(group: Any, attribute: str, limit: int) -> list[str]:  # noqa: ANN401 - h5py ships no types
    """Read a list of names; Keras splits one that is too long into `<attribute>0`, `<attribute>1` and so on."""
    numbered = takewhile(group.attrs.__contains__, (f"{attribute}{k}" for k in count()))
    parts = [attribute] if attribute in group.attrs else list(numbered)
    names: list[str] = []
    for part in parts:
        size = math.prod(group.attrs.get_id(part).shape)
        if len(names) + size > limit:
            raise _RefusedError(f"its list of {attribute} is longer than any network's")
        names += [n.decode() if isinstance(n, bytes) else str(n) for n in np.ravel(group.attrs[part])]
    return names


def _member(group: Any, path: str) -> Any:  # noqa: ANN401 - h5py ships no types
    """Return what lies at `path` below `group`, along hard links only."""
    found = group
    for part in path.strip("/").split("/"):
        if not isinstance(found, h5py.Group) or part in {"", ".", ".."}:
            raise _RefusedError(_NO_MEMBER)
        link = found.get(part, getlink=True)
        if link is None:
            raise _RefusedError(_NO_MEMBER)
        if not isinstance(link, h5py.HardLink):
            raise _RefusedError(f"{found.name.rstrip('/')}/{part} is a link to somewhere else")
        found = found[part]
    return found


def _array(group: Any, path: str, *, role: str) -> StoredArray:  # noqa: ANN401 - h5py ships no types
    dataset = _member(group, path)
    if not isinstance(dataset, h5py.Dataset):
        raise _RefusedError(f"{dataset.name} is not an array")
    if dataset.external or dataset.is_virtual:
        raise _RefusedError(f"the values of {dataset.name} are stored in another file")
    if dataset.dtype.kind != "f" and not _is_bfloat16(dataset):
        raise _RefusedError(f"{dataset.name} does not contain real numbers")
    if dataset.shape is None:
        raise _RefusedError(f"{dataset.name} is empty")
    if dataset.chunks is not None:
        chunk_bytes = math.prod(dataset.chunks) * dataset.dtype.itemsize
        if chunk_bytes > max(_MAX_CHUNK_BYTES, dataset.nbytes):
            raise _RefusedError(f"{dataset.name} unpacks to more data than it should")
    return StoredArray(role, tuple(dataset.shape), dataset)


def _is_bfloat16(dataset: Any) -> bool:  # noqa: ANN401 - h5py ships no types
    tagged = dataset.attrs.get("dtype") in {"bfloat16", b"bfloat16"}
    return tagged and dataset.dtype.kind == "V" and dataset.dtype.itemsize == np.dtype(np.uint16).itemsize


def _from_bfloat16(stored: Any) -> NDArray[np.float32]:  # noqa: ANN401 - h5py ships no types
    # A bfloat16 is the upper half of a float32.
    halves = np.asarray(stored).view(np.uint16).astype(np.uint32)
    return (halves << 16).view(np.float32)
