"""Loading weights: files of every layout Keras writes, and files that are not what they should be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import keras
import numpy as np
import pytest

from trainer.backbones import Backbone, get_backbone
from trainer.errors import WeightsError
from trainer.network.building import build_backbone
from trainer.network.weights import (
    WeightsFile,
    load_backbone_weights,
    locate_weights,
    own_file_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# Keras converts its variables in a way that NumPy 2 warns of; nothing of ours is meant.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

XCEPTION_WEIGHTS = locate_weights(get_backbone("xception"))
"""As the machine has them, before tests move the home."""
TINY = get_backbone("tiny")


def randomised(model: Any, seed: int = 1) -> Any:
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(size=array.shape).astype(np.float32) for array in model.get_weights()])
    return model


def file_at(path: Path, backbone: Backbone = TINY) -> WeightsFile:
    return WeightsFile(backbone, path, "0" * 64, "")


def assert_same_weights(left: Any, right: Any) -> None:
    for one, other in zip(left.get_weights(), right.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def assert_refused(path: Path, said: str, backbone: Backbone = TINY) -> None:
    model = randomised(build_backbone(backbone, backbone.minimum_size), seed=5)
    before = model.get_weights()
    with pytest.raises(WeightsError) as caught:
        load_backbone_weights(file_at(path, backbone), model)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def saved_tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    model = randomised(build_backbone(TINY, 32))
    path = tmp_path_factory.mktemp("weights") / own_file_name(TINY)
    model.save_weights(path)
    return path, model


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_what_keras_saves_is_loaded(tmp_path: Path, suffix: str) -> None:
    saved = randomised(build_backbone(TINY, 32))
    path = tmp_path / f"tiny{suffix}"
    if suffix == ".h5":
        from keras.src.legacy.saving import legacy_h5_format  # the layout of Keras 2

        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, saved)
    else:
        saved.save_weights(path)
    for size in (32, 48):  # a second build, whose layers Keras numbers on; another input size
        model = build_backbone(TINY, size)
        load_backbone_weights(file_at(path), model)
        assert_same_weights(model, saved)


def test_weights_in_bfloat16_are_loaded(tmp_path: Path) -> None:
    keras.config.set_dtype_policy("bfloat16")
    try:
        saved = randomised(build_backbone(TINY, 32))
    finally:
        keras.config.set_dtype_policy("float32")
    saved.save_weights(tmp_path / "half.weights.h5")
    model = build_backbone(TINY, 32)

    load_backbone_weights(file_at(tmp_path / "half.weights.h5"), model)

    for one, other in zip(model.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other.astype(np.float32))


@pytest.mark.parametrize("legacy", [False, True])
def test_a_classifier_in_the_file_is_left_out(tmp_path: Path, legacy: bool) -> None:
    saved = randomised(build_backbone(TINY, 32))
    pooled = keras.layers.GlobalAveragePooling2D()(saved.output)
    whole_model = keras.Model(saved.input, keras.layers.Dense(7)(pooled))
    path = tmp_path / ("whole.h5" if legacy else "whole.weights.h5")
    if legacy:
        write_keras_2(path, whole_model)
    else:
        whole_model.save_weights(path)
    model = build_backbone(TINY, 32)

    load_backbone_weights(file_at(path), model)

    assert_same_weights(model, saved)


def write_keras_2(path: Path, model: Any) -> None:
    """Write weights as Keras 2 did: names as attributes, `:0` behind each, a group for each layer's name."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.replace("_", "/").encode() for layer in model.layers]
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.2.0"
        for layer in model.layers:
            name = layer.name.replace("_", "/")
            group = file.require_group(name)
            names = [f"{name}/{variable.name}:0" for variable in layer.weights]
            group.attrs["weight_names"] = [text.encode() for text in names]
            for text, variable in zip(names, layer.weights, strict=True):
                group[text] = variable.numpy()


def test_densenet121_in_keras_2_layout_is_loaded_as_keras_loads_it(tmp_path: Path) -> None:
    densenet = get_backbone("densenet121")
    saved = randomised(build_backbone(densenet, 32))
    path = tmp_path / densenet.keras_file
    write_keras_2(path, saved)
    model = build_backbone(densenet, 32)

    load_backbone_weights(file_at(path, densenet), model)

    assert_same_weights(model, saved)
    randomised(model, seed=2).load_weights(path)  # Keras reads the file in the same way
    assert_same_weights(model, saved)
    # Another backbone's file is named for what it is.
    assert_refused(
        path,
        "holds DenseNet121's weights (241 layers with 7,037,504 numbers), and Tiny (for tests)'s are needed "
        "(4 layers with 1,280 numbers).",
    )


def test_a_long_list_of_names_is_read_in_its_parts(tmp_path: Path, saved_tiny: tuple[Path, Any]) -> None:
    write_keras_2(tmp_path / "split.h5", saved_tiny[1])
    with h5py.File(tmp_path / "split.h5", "r+") as file:
        names = file.attrs["layer_names"]
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:3], names[3:]
    model = build_backbone(TINY, 32)
    load_backbone_weights(file_at(tmp_path / "split.h5"), model)
    assert_same_weights(model, saved_tiny[1])


@pytest.mark.skipif(XCEPTION_WEIGHTS is None, reason="needs ImageNet weights of Xception on this machine")
def test_real_xception_weights_load_as_keras_loads_them() -> None:
    path = XCEPTION_WEIGHTS
    assert path is not None
    xception = get_backbone("xception")
    model = build_backbone(xception, 71)
    load_backbone_weights(file_at(path, xception), model)
    by_keras = keras.applications.Xception(weights=None, include_top=False)
    by_keras.load_weights(path)
    assert_same_weights(model, by_keras)


# --------------------------------------------------------------------------------------------- refusing


def changed_copy(saved: tuple[Path, Any], tmp_path: Path, change: Callable[[h5py.File], object]) -> Path:
    path = tmp_path / "changed.weights.h5"
    path.write_bytes(saved[0].read_bytes())
    with h5py.File(path, "r+") as file:
        change(file)
    return path


KERNEL = "layers/conv2d/vars/0"


def replace_by(make: Callable[[h5py.File], object]) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[KERNEL]
        made = make(file)
        if made is not None:
            file[KERNEL] = made

    return change


def external_storage(file: h5py.File) -> None:
    file.create_dataset(KERNEL, (3, 3, 3, 16), "f4", external=[("/etc/passwd", 0, 1728)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3, 3, 3, 16), "f4")
    layout[...] = h5py.VirtualSource("other.h5", "kernel", (3, 3, 3, 16))
    file.create_virtual_dataset(KERNEL, layout)


def bomb(file: h5py.File) -> None:
    file.create_dataset(KERNEL, (1 << 20, 1 << 20), "f4", compression="gzip", chunks=(1024, 1024))


def fat_chunk(file: h5py.File) -> None:
    file.create_dataset(KERNEL, (3, 3, 3, 16), "f4", chunks=(3, 3, 3, 1 << 20), maxshape=(3, 3, 3, None))


def not_finite(file: h5py.File) -> None:
    file[KERNEL] = np.full((3, 3, 3, 16), np.nan, np.float32)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda _: h5py.ExternalLink("other.h5", "/kernel"),
            "cannot be used: /layers/conv2d/vars/0 is a link",
        ),
        (lambda _: h5py.SoftLink("/layers/batch_normalization"), "is a link to somewhere else"),
        (external_storage, "are stored in another file"),
        (virtual, "are stored in another file"),
        (bomb, "has an array of shape (1048576, 1048576) where (3, 3, 3, 16) is needed"),
        (fat_chunk, "unpacks to more data than it should"),
        (not_finite, "are not finite"),
        (lambda _: np.zeros((3, 3, 3, 16), np.int32), "does not contain real numbers"),
        (lambda _: np.array(["a", "b"], dtype="S1"), "does not contain real numbers"),
        (lambda _: np.zeros((3, 3, 4, 16), np.float32), "shape (3, 3, 4, 16) where (3, 3, 3, 16) is needed"),
        (lambda file: file.create_group(KERNEL) and None, "is not an array"),
        (lambda file: file["layers"], "is not an array"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused(
    saved_tiny: tuple[Path, Any], tmp_path: Path, change: Callable[[h5py.File], object], said: str
) -> None:
    assert_refused(changed_copy(saved_tiny, tmp_path, replace_by(change)), said)


def test_a_link_in_place_of_a_layer_is_refused(saved_tiny: tuple[Path, Any], tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        del file["layers/conv2d"]
        file["layers/conv2d"] = h5py.SoftLink("/layers/batch_normalization")

    assert_refused(changed_copy(saved_tiny, tmp_path, change), "is a link to somewhere else")


def test_a_missing_array_and_a_missing_layer_are_refused(
    saved_tiny: tuple[Path, Any], tmp_path: Path
) -> None:
    def less(file: h5py.File) -> None:
        del file["layers/batch_normalization/vars/3"]

    assert_refused(
        changed_copy(saved_tiny, tmp_path, less),
        "layer batch_normalization has 3 arrays where 4 are needed",
    )
    path = changed_copy(saved_tiny, tmp_path, lambda file: file.__delitem__("layers/batch_normalization_1"))
    assert_refused(path, "holds weights of another network (3 layers with 1,152 numbers)")


def test_arrays_in_another_order_are_refused(saved_tiny: tuple[Path, Any], tmp_path: Path) -> None:
    path = tmp_path / "swapped.h5"
    write_keras_2(path, saved_tiny[1])
    with h5py.File(path, "r+") as file:
        group = file["block1/bn"]
        names = list(group.attrs["weight_names"])
        group.attrs["weight_names"] = [names[1], names[0], *names[2:]]
    assert_refused(path, "layer block1/bn has a beta where a gamma is needed")


def test_a_further_layer_that_is_no_classifier_is_refused(tmp_path: Path) -> None:
    saved = build_backbone(TINY, 32)
    longer = keras.Model(saved.input, keras.layers.Conv2D(4, 1)(saved.output))
    longer.save_weights(tmp_path / "longer.weights.h5")
    assert_refused(tmp_path / "longer.weights.h5", "holds weights of another network (5 layers")


def test_weights_of_one_backbone_are_refused_for_another(saved_tiny: tuple[Path, Any]) -> None:
    assert_refused(
        saved_tiny[0],
        "holds Tiny (for tests)'s weights (4 layers with 1,280 numbers), and DenseNet121's are needed "
        "(241 layers with 7,037,504 numbers).",
        get_backbone("densenet121"),
    )


def test_what_is_no_weights_file_is_refused(tmp_path: Path, saved_tiny: tuple[Path, Any]) -> None:
    (tmp_path / "text.h5").write_text("just text")
    assert_refused(tmp_path / "text.h5", "is not an HDF5 weights file, or it is damaged or incomplete")
    content = saved_tiny[0].read_bytes()
    (tmp_path / "half.h5").write_bytes(content[: len(content) // 2])
    assert_refused(tmp_path / "half.h5", "is not an HDF5 weights file, or it is damaged or incomplete")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    assert_refused(tmp_path / "empty.h5", "contains no Keras weights")
    assert_refused(tmp_path / "nowhere.h5", "There is no weights file")
    with h5py.File(tmp_path / "liar.h5", "w") as file:
        file.attrs["layer_names"] = [b"conv1", b"../conv2"]
    assert_refused(tmp_path / "liar.h5", "a part listed in it is missing")


def test_a_file_with_damaged_bytes_never_ends_in_anything_but_a_sentence(
    tmp_path: Path, saved_tiny: tuple[Path, Any]
) -> None:
    content = saved_tiny[0].read_bytes()
    random = np.random.default_rng(3)
    model = build_backbone(TINY, 32)
    path = tmp_path / "damaged.weights.h5"
    refused = 0
    for _ in range(200):
        damaged = np.frombuffer(content, np.uint8).copy()
        where = random.integers(0, len(damaged), 20)
        damaged[where] = random.integers(0, 256, 20)
        path.write_bytes(damaged.tobytes())
        try:
            load_backbone_weights(file_at(path), model)
        except WeightsError:
            refused += 1
    assert refused > 0
