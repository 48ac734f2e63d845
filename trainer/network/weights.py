"""Where a backbone's first weights come from, and how they get into it.

ImageNet weights are looked for on this machine before they are fetched from Keras' own address. A file is read
by `trainer.network.hdf5`; it is used whole or refused with a sentence.
"""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pooch
import requests

from trainer.backbones import REGISTRY, Backbone
from trainer.devices.weights_at_hand import WEIGHTS_VARIABLE, keras_cache, locate_weights, own_file_name
from trainer.errors import WeightsError
from trainer.events import Listener, Progress, Said, StopRequest, Warned, silent
from trainer.files import explained, sha256_of
from trainer.network.hdf5 import StoredLayer, StoredWeights, open_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

_ATTEMPTS = 3
_TIMEOUT = 30.0  # seconds without an answer or without a further byte
_DOWNLOAD_CHUNK = 1 << 16
_SECONDS_BETWEEN_EVENTS = 0.1


class WeightsFile(msgspec.Struct, frozen=True):
    """A weights file that was found, or fetched and checked.

    Attributes:
        backbone: that it is meant for.
        path: of the file.
        sha256: of its bytes, 64 hexadecimal digits.
        origin: where it came from, in words without a full stop, for the run's log and the bundle.
    """

    backbone: Backbone
    path: Path
    sha256: str
    origin: str


def find_weights(
    backbone: Backbone,
    choice: str,
    weights_dir: Path | None = None,
    listener: Listener = silent,
    stop: StopRequest | None = None,
) -> WeightsFile:
    """Find the weights a run starts from; ImageNet weights are fetched where this machine has none.

    Looked in, in this order: `weights_dir`, the folder named by the environment variable SKINDESK_WEIGHTS_DIR,
    Keras' cache (`~/.keras/models`, or `models` below KERAS_HOME). A download goes into Keras' cache.

    Args:
        backbone: which.
        choice: `imagenet` or the path of a weights file.
        weights_dir: a folder with weights files, looked in first.
        listener: told of the progress of a download in bytes, and of what goes wrong in it.
        stop: ends a download.

    Raises:
        WeightsError: none to be had, or damaged; the message says what to do.
        StorageError: a download cannot be stored.
        StoppedError: on request; nothing is left behind.
    """
    if choice != "imagenet":
        path = Path(choice).expanduser()
        if not path.is_file():
            raise WeightsError(
                f"There is no weights file {path}; choose imagenet, random or an existing file."
            )
        return _found(backbone, path, f"Weights of {backbone.title} from the file {path}")
    if not backbone.keras_url:
        raise WeightsError(f"There are no ImageNet weights for {backbone.title}; choose random weights.")
    cached = keras_cache() / backbone.keras_file
    path = locate_weights(backbone, weights_dir) or cached
    source = "found on this machine"
    if path == cached and not _is_official(path, backbone):
        if path.is_file():
            listener(Warned(message=f"{path} is not the file that Keras published; it is downloaded again."))
        _download(backbone, path, listener, stop)
        source = f"downloaded from {backbone.keras_url}"
    elif path.name == backbone.keras_file and not _is_official(path, backbone):
        raise WeightsError(
            f"{path} has the name of Keras' ImageNet weights but other content (its MD5 is "
            f"not {backbone.keras_md5}). Copy it again, or choose it as a weights file of "
            "your own."
        )
    return _found(backbone, path, f"ImageNet weights of {backbone.title}, {source}: {path}")


def ready_weights(backbone: Backbone, weights_dir: Path | None = None) -> Path | None:
    """Return the ImageNet weights that a run would start from without a network; `None` where it would need one.

    A file that bears Keras' name and is not the one that Keras published (a cut download) is none.

    Raises:
        WeightsError: see `trainer.devices.weights_at_hand.locate_weights`, or the file cannot be read.
    """
    path = locate_weights(backbone, weights_dir)
    if path is None or (path.name == backbone.keras_file and not _is_official(path, backbone)):
        return None
    return path


def load_backbone_weights(file: WeightsFile, model: Any) -> None:  # noqa: ANN401 - keras ships no types
    """Set all weights of a backbone from a file; a classifier that the file holds beside them is left out.

    Args:
        file: in the layout of Keras 3 or of Keras 2.
        model: a functional `keras.Model` as `trainer.network.building.build_backbone` gives it.

    Raises:
        WeightsError: not a weights file, damaged, or of another backbone; the model is unchanged.
    """
    expected = _expected_layers(model)
    with open_weights(file.path) as stored:
        pairs = _paired(expected, stored)
        differences = [_difference(wanted, layer) for wanted, layer in pairs]
        if not pairs or any(differences):
            raise WeightsError(_wrong_network(file, expected, stored, next(filter(None, differences), "")))
        arrays = [array.read() for _, layer in pairs for array in layer.arrays]
    variables = [variable for wanted, _ in pairs for variable in wanted.variables]
    for variable, values in zip(variables, arrays, strict=True):
        variable.assign(values)


# ---------------------------------------------------------------------------------------------- finding


def _found(backbone: Backbone, path: Path, sentence: str) -> WeightsFile:
    try:
        sha256 = sha256_of(path)
    except OSError as error:
        raise WeightsError(f"The weights file {path} cannot be read: {error.strerror}.") from error
    return WeightsFile(backbone, path, sha256, f"{sentence} (SHA-256 {sha256})")


def _is_official(path: Path, backbone: Backbone) -> bool:
    """Whether `path` is the file that Keras publishes; MD5 is all that Keras publishes of it."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
    except OSError as error:
        raise WeightsError(f"The weights file {path} cannot be read: {error.strerror}.") from error
    return digest.hexdigest() == backbone.keras_md5


class _DownloadError(Exception):
    """A download failed.

    Attributes:
        reason: continues "since ...".
        passing: whether trying again at once may help.
    """

    def __init__(self, reason: str, *, passing: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.passing = passing


def _download(backbone: Backbone, path: Path, listener: Listener, stop: StopRequest | None) -> None:
    """Fetch Keras' file to `path`; the file appears there whole and checked, or not at all."""
    listener(Said(message=f"Downloading {backbone.keras_url}"))
    for attempts_left in reversed(range(_ATTEMPTS)):
        try:
            with explained(path):
                _fetch(backbone, path, listener, stop)
        except _DownloadError as error:
            if not (error.passing and attempts_left):
                raise WeightsError(_how_to_get(backbone, error.reason)) from error
            listener(Warned(message=f"The download failed because {error.reason}; trying again."))
        else:
            return


def _fetch(backbone: Backbone, path: Path, listener: Listener, stop: StopRequest | None) -> None:
    def download(url: str, temporary: str, _pooch: object) -> None:
        with (
            requests.get(url, stream=True, timeout=_TIMEOUT) as response,
            Path(temporary).open("wb") as stream,
        ):
            response.raise_for_status()
            total = int(response.headers.get("content-length", 0))
            done, told = 0, 0.0
            for chunk in response.iter_content(_DOWNLOAD_CHUNK):
                if stop is not None:
                    stop.raise_if_asked()
                stream.write(chunk)
                done += len(chunk)
                if done == total or time.monotonic() - told >= _SECONDS_BETWEEN_EVENTS:
                    told = time.monotonic()
                    task = f"Downloading the weights of {backbone.title}"
                    listener(Progress(task=task, done=done, total=total, unit="bytes"))

    pooch.get_logger().setLevel("ERROR")
    try:
        # pooch downloads beside `path`, compares the hash, and only then gives the file its name.
        pooch.retrieve(
            backbone.keras_url,
            f"md5:{backbone.keras_md5}",
            fname=path.name,
            path=path.parent,
            downloader=download,
        )
    except requests.HTTPError as error:
        answer = "with an error" if error.response is None else f"{error.response.status_code}"
        raise _DownloadError(f"the server answered {answer}", passing=False) from error
    except (requests.RequestException, ValueError) as error:
        for kind, sign, reason, passing in _FAILURES:
            if isinstance(error, kind) and sign in str(error):
                raise _DownloadError(reason, passing=passing) from error
        raise


_FAILURES: tuple[tuple[type[Exception], str, str, bool], ...] = (
    (
        requests.exceptions.ChunkedEncodingError,
        "",
        "the connection was cut before the file was complete",
        True,
    ),
    (requests.ConnectionError, "IncompleteRead", "the connection was cut before the file was complete", True),
    (requests.ConnectionError, "Read timed out", "the server stopped answering", True),
    (requests.Timeout, "", "the server did not answer in time", True),
    (requests.exceptions.SSLError, "", "a secure connection to the server failed", False),
    (requests.exceptions.ProxyError, "", "the network's proxy refused the download", False),
    (requests.ConnectionError, "", "the server cannot be reached (check the internet connection)", False),
    (requests.RequestException, "", "the server could not be contacted", False),
    (ValueError, "", "the file differs from the one that Keras published (its hash differs)", True),
)
"""Error, a part of its text, what it means, and whether trying again at once may help; the first that fits."""


def _how_to_get(backbone: Backbone, reason: str) -> str:
    return (
        f"The ImageNet weights of {backbone.title} could not be downloaded because {reason}. "
        f"Download {backbone.keras_url} on another machine, save it as {backbone.keras_file} (or "
        f"{own_file_name(backbone)}) in a folder, and choose that folder in the settings or with the environment "
        f"variable {WEIGHTS_VARIABLE}; or choose random weights."
    )


# ---------------------------------------------------------------------------------------------- loading


class _Expected(NamedTuple):
    """A layer of the model that has weights.

    Attributes:
        key: class and number, as Keras 3 writes it in a file.
        name: of the layer.
        variables: in the order in which Keras writes them.
    """

    key: str
    name: str
    variables: list[Any]


def _expected_layers(model: Any) -> list[_Expected]:  # noqa: ANN401 - keras ships no types
    numbers: Counter[str] = Counter()
    expected = []
    for layer in model.layers:
        kind = _snake_case(type(layer).__name__)
        key = f"{kind}_{numbers[kind]}" if numbers[kind] else kind
        numbers[kind] += 1
        if layer.weights:
            expected.append(_Expected(key, layer.name, list(layer.weights)))
    return expected


def _snake_case(name: str) -> str:
    """Return a class name as Keras 3 writes it: SeparableConv2D becomes separable_conv2d."""
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def _paired(expected: Sequence[_Expected], stored: StoredWeights) -> list[tuple[_Expected, StoredLayer]]:
    """Return each layer of the model with its layer of the file; nothing where they are of different networks.

    What the file holds beyond that must be a classifier: dense layers, and in `by-order` at the end.
    """
    if stored.layout == "by-order":
        found, rest = stored.layers[: len(expected)], stored.layers[len(expected) :]
    else:
        layers = {layer.name: layer for layer in stored.layers}
        found = tuple(layers.pop(wanted.key) for wanted in expected if wanted.key in layers)
        rest = tuple(layers.values())
    if len(found) != len(expected) or not all(_is_dense(layer) for layer in rest):
        return []
    return list(zip(expected, found, strict=True))


def _is_dense(layer: StoredLayer) -> bool:
    shapes = [array.shape for array in layer.arrays]
    return bool(shapes) and len(shapes[0]) == 2 and shapes[1:] in ([], [shapes[0][1:]])  # noqa: PLR2004 - a matrix


def _difference(wanted: _Expected, layer: StoredLayer) -> str:
    """Say in which array a layer of the file differs from the model's; nothing where it fits."""
    here = f"layer {layer.name} has"
    if len(wanted.variables) != len(layer.arrays):
        return f"{here} {len(layer.arrays)} arrays where {len(wanted.variables)} are needed"
    for variable, array in zip(wanted.variables, layer.arrays, strict=True):
        if array.shape != tuple(variable.shape):
            return f"{here} an array of shape {array.shape} where {tuple(variable.shape)} is needed"
        if array.role in _ROLES and array.role != variable.name:
            return f"{here} a {array.role} where a {variable.name} is needed"
    return ""


_ROLES = frozenset(
    (
        "kernel",
        "bias",
        "gamma",
        "beta",
        "moving_mean",
        "moving_variance",
        "depthwise_kernel",
        "pointwise_kernel",
    )
)
"""Names of variables that mean the same in every version of Keras."""


def _wrong_network(
    file: WeightsFile, expected: Sequence[_Expected], stored: StoredWeights, difference: str
) -> str:
    layers = [layer for layer in stored.layers if not _is_dense(layer)]
    found_size = sum(layer.size for layer in layers)
    titles = [b.title for b in REGISTRY.values() if b.parameters == found_size and b != file.backbone]
    found = f"{titles[0]}'s weights" if titles else "weights of another network"
    wanted_size = sum(math.prod(v.shape) for wanted in expected for v in wanted.variables)
    sentence = (
        f"{file.path} holds {found} ({len(layers)} layers with {found_size:,} numbers), and "
        f"{file.backbone.title}'s are needed ({len(expected)} layers with {wanted_size:,} numbers)"
    )
    return f"{sentence}: {difference}." if difference and not titles else f"{sentence}."
