"""Bundles whose weights are not what they should be, when they are used."""

from __future__ import annotations

import json
import weakref
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from trainer.backbones import get_backbone
from trainer.config import HeadSettings
from trainer.errors import BundleError
from trainer.network.network import Network
from trainer.prediction.inference import Predictor, Wanted
from trainer.runs.bundle import Manifest, read_bundle, write_bundle
from trainer.runs.weights_header import head_shapes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.trainer.shell import Shell
    from trainer.arrays import Array


@pytest.mark.parametrize(
    "head", [HeadSettings(), HeadSettings(dense=()), HeadSettings(batch_normalization=False, dense=(5, 4, 3))]
)
def test_the_arrays_of_a_head_are_known_before_it_is_built(head: HeadSettings) -> None:
    built = Network("tiny", 3, head, input_size=32).arrays()
    expected = head_shapes(get_backbone("tiny").features, 3, head)
    assert {name: array.shape for name, array in built.items() if name.startswith("head.")} == expected


def with_weights(bundle: Path, folder: Path, change: Callable[[str, Array], Array]) -> Path:
    """Write a bundle with other weights than those of `bundle`."""
    known, arrays = read_bundle(bundle)
    changed = {name: change(name, array).astype(np.float32) for name, array in arrays.items()}
    write_bundle(folder, known, changed)
    return folder


def overflowing(name: str, array: Array) -> Array:
    return np.full_like(array, 9e7 if "kernel" in name else 1.0)


def test_an_image_for_which_the_logits_overflow_has_an_error_and_no_probabilities(
    shell: Shell, trained: Path, image_folder: Path, tmp_path: Path
) -> None:
    huge = with_weights(trained / "bundle", tmp_path / "huge", overflowing)
    image = next(image_folder.rglob("*.png"))
    (answer,) = Predictor(huge).predict([image])
    assert answer.error.startswith(f"The network's output is not finite for {image}")
    assert answer.probabilities == {}
    outcome = shell("predict", huge, image, "--json")
    assert outcome.status == 2
    assert json.loads(outcome.out) == [{"path": str(image), "error": answer.error}]


def test_images_to_be_predicted_are_held_one_at_a_time(trained: Path) -> None:
    earlier: list[weakref.ref[Array]] = []

    def read() -> Any:
        assert not any(image() is not None for image in earlier), "large ones have no room beside each other"
        image = np.zeros((50, 70, 3), np.uint8)
        earlier.append(weakref.ref(image))
        return image

    answers = Predictor(trained / "bundle").predict_each([Wanted(name, read) for name in "ab"])
    assert [answer.prediction.error for answer in answers] == ["", ""]


def test_a_bundle_that_overflows_is_not_scored(
    shell: Shell, trained: Path, dataset_file: Path, tmp_path: Path
) -> None:
    huge = with_weights(trained / "bundle", tmp_path / "huge", overflowing)
    assert "output is not finite" in shell.refused("evaluate", huge, dataset_file, "--split", "validation")


def test_weights_out_of_range_are_refused_when_they_are_read(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"numbers that are too large \(.*: 1\.0e\+20\)"):
        with_weights(trained / "bundle", tmp_path / "huge", lambda _name, array: np.full_like(array, 1e20))


def described(manifest: Manifest, **changes: Any) -> Manifest:
    """Return a manifest whose network is another one."""
    config = msgspec.structs.replace(manifest.config, **changes)
    return msgspec.structs.replace(manifest, config=config, **changes)


def test_weights_of_another_network_are_refused_before_a_number_of_them_is_read(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, arrays = read_bundle(trained / "bundle")
    narrow = HeadSettings(batch_normalization=False, dense=manifest.head.dense)
    alike = {name: array for name, array in arrays.items() if name.startswith("backbone.")}
    shapes = head_shapes(1024, len(manifest.classes), narrow)
    alike |= {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    foreign = r"do not belong to the network.*"
    bundles = {
        "wide": (described(manifest, head=HeadSettings(dense=(8192,) * 16)), arrays, rf"{foreign}head\.00"),
        "bare": (described(manifest, head=HeadSettings(dense=())), arrays, rf"{foreign}head\.00"),
        "densenet": (
            described(manifest, backbone="densenet121", head=narrow),
            alike,
            r"its backbone has .* numbers, and DenseNet121 has",
        ),
    }
    for name, (other, weights, _) in bundles.items():
        write_bundle(tmp_path / name, other, weights)
    for module in ("runs.bundle.decode_arrays", "prediction.networks.Network"):
        monkeypatch.setattr(f"trainer.{module}", None)
    for name, (*_, sentence) in bundles.items():
        with pytest.raises(BundleError, match=sentence):
            Predictor(tmp_path / name)
        # Also where the numbers are not there at all.
        file = tmp_path / name / "weights.safetensors"
        file.write_bytes(file.read_bytes()[:-4])
        with pytest.raises(BundleError, match="is not a safetensors file"):
            Predictor(tmp_path / name)
        file.write_bytes((1 << 40).to_bytes(8, "little"))
        with pytest.raises(BundleError, match="its header is too large"):
            Predictor(tmp_path / name)


def test_a_head_of_thousands_of_layers_is_no_manifest(trained: Path) -> None:
    manifest, _ = read_bundle(trained / "bundle")
    content = json.loads(msgspec.json.encode(described(manifest, head=HeadSettings(dense=(8192,) * 20_000))))
    with pytest.raises(msgspec.ValidationError, match="length <= 16"):
        msgspec.convert(content, Manifest)
