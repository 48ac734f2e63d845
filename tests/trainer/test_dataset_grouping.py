from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.drawn import HamFolder, draw
from trainer.dataset.groups.grouping import group_ids
from trainer.dataset.importing import import_dataset
from trainer.dataset.likeness.looks import detail_of, near_duplicates, thumbnail_of
from trainer.dataset.store import DatasetStore

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

Picture = "npt.NDArray[np.uint8]"


def lesion(seed: int, size: tuple[int, int] = (200, 150)) -> npt.NDArray[np.uint8]:
    """A dark spot in the middle of light skin, with coarse and fine texture: all alike at a glance, none in detail."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    skin = 200 - 120 * np.exp(-4 * (x**2 + y**2))
    for cells, spread in ((4, 25), (8, 20), (16, 15), (40, 10)):
        texture = random.normal(0, spread, size=(cells * 3 // 4, cells)).astype(np.float32)
        skin = skin + np.asarray(Image.fromarray(texture).resize(size, Image.Resampling.BICUBIC))
    return np.repeat(skin.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def saved(picture: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def cropped(
    picture: npt.NDArray[np.uint8], left: float, top: float, right: float, bottom: float
) -> npt.NDArray[np.uint8]:
    """The picture without shares of its width and height, resized back and saved again."""
    height, width = picture.shape[:2]
    box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    whole = Image.fromarray(picture)
    return saved(np.asarray(whole.resize((width, height), Image.Resampling.BICUBIC, box=box)), 90)


def pairs(*pictures: npt.NDArray[np.uint8], new: list[bool] | None = None) -> list[tuple[int, int]]:
    details = [detail_of(picture) for picture in pictures]
    blocks = near_duplicates(
        np.array([list(thumbnail_of(picture)) for picture in pictures], dtype=np.uint8),
        details.__getitem__,
        np.array([True] * len(pictures) if new is None else new),
    )
    compared: list[int] = []
    found = []
    for positions, some in blocks:
        compared += positions
        found += some
    assert sorted(compared) == [i for i in range(len(pictures)) if new is None or new[i]]
    return sorted(found)


def test_groups_are_connected_components() -> None:
    lesions = ["L1", "L1", "L2", None, None, None]
    patients = [None, "P1", "P1", None, "P2", "P2"]
    ids = ["f", "e", "d", "c", "b", "a"]
    assert group_ids(ids, (lesions, patients), [(2, 3)]) == ["c", "c", "c", "c", "a", "a"]


def test_group_ids_do_not_depend_on_the_order() -> None:
    ids = ["a", "b", "c", "d"]
    forward = dict(zip(ids, group_ids(ids, (["1", "2", "2", "1"],), []), strict=True))
    backward = dict(zip(ids[::-1], group_ids(ids[::-1], (["1", "2", "2", "1"],), []), strict=True))
    assert forward == backward == {"a": "a", "b": "b", "c": "b", "d": "a"}


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: saved(picture, 60),
        lambda picture: np.asarray(Image.fromarray(picture).resize((120, 90))),
        lambda picture: (picture * 0.8 + 20).astype(np.uint8),
        lambda picture: (picture * np.array([1.0, 0.9, 0.75])).astype(np.uint8),
        lambda picture: picture[2:, 3:],
        lambda picture: saved(picture[:, ::-1], 90),
        lambda picture: saved(picture[::-1], 90),
        lambda picture: saved(np.rot90(picture), 90),
        lambda picture: saved(np.rot90(picture, 2), 90),
        lambda picture: saved(np.rot90(picture, 3), 90),
        lambda picture: saved(picture.transpose(1, 0, 2), 90),
        lambda picture: cropped(picture, 0.03, 0.03, 0.03, 0.03),
        lambda picture: cropped(picture, 0.05, 0.05, 0.05, 0.05),
        lambda picture: cropped(picture, 0.06, 0.06, 0.06, 0.06),
        lambda picture: cropped(picture, 0.05, 0, 0, 0),
        lambda picture: cropped(picture, 0, 0.05, 0, 0.05),
        lambda picture: cropped(picture[:, ::-1], 0.03, 0.03, 0.03, 0.03),
    ],
    ids=[
        "saved again",
        "resized",
        "brightness",
        "recoloured",
        "shifted",
        "mirrored",
        "upside down",
        "turned left",
        "turned twice",
        "turned right",
        "mirrored and turned",
        "cropped by 3 %",
        "cropped by 5 %",
        "cropped by 6 %",
        "cropped on one side",
        "cropped on two sides",
        "mirrored and cropped",
    ],
)
def test_the_same_picture_is_found(change: object) -> None:
    assert callable(change)
    pictures = [lesion(seed) for seed in range(6)]
    assert pairs(*pictures, change(pictures[2])) == [(2, 6)]
    # Whichever of the two is the copy, and whichever is new.
    assert pairs(change(pictures[2]), *pictures) == [(0, 3)]
    assert pairs(change(pictures[2]), *pictures, new=[False] * 3 + [True] * 4) == [(0, 3)]


def test_different_lesions_are_not_joined() -> None:
    assert pairs(*(lesion(seed) for seed in range(60))) == []


def test_pictures_without_texture_are_not_joined() -> None:
    plain = [np.full((90, 120, 3), level, dtype=np.uint8) for level in (0, 0, 128, 255)]
    assert pairs(*plain) == []


def test_only_new_samples_are_compared() -> None:
    pictures = [lesion(1), lesion(1), lesion(2), saved(lesion(2), 80)]
    assert pairs(*pictures, new=[False, False, False, True]) == [(2, 3)]
    assert pairs(*pictures, new=[False, False, False, False]) == []


def test_many_copies_give_as_many_pairs() -> None:
    assert len(pairs(*[lesion(1)] * 40)) == 39


def test_copies_under_different_lesions_form_a_group(ham: HamFolder, tmp_path: Path) -> None:
    first, copied, other = (ham.add("nv")[0] for _ in range(3))
    Image.fromarray(lesion(1)).save(ham.paths[first], quality=95)
    Image.fromarray(saved(lesion(1), 70)).save(ham.paths[copied], quality=80)
    Image.fromarray(lesion(2)).save(ham.paths[other], quality=95)
    import_dataset(ham.write(), tmp_path / "data.db")
    with DatasetStore.open(tmp_path / "data.db") as store:
        assert store.frame()["group_id"].tolist() == [first, first, other]
    # The copy is replaced by another picture: the group dissolves.
    Image.fromarray(draw(99)).save(ham.paths[copied])
    import_dataset(ham.root, tmp_path / "data.db")
    with DatasetStore.open(tmp_path / "data.db") as store:
        assert store.frame()["group_id"].tolist() == [first, copied, other]


def test_copies_of_a_picture_that_changes_stay_together(ham: HamFolder, tmp_path: Path) -> None:
    ids = [ham.add("nv")[0] for _ in range(3)]
    for quality, image_id in zip((95, 85, 75), ids, strict=True):
        Image.fromarray(lesion(1)).save(ham.paths[image_id], quality=quality)
    import_dataset(ham.write(), tmp_path / "data.db")
    Image.fromarray(draw(99)).save(ham.paths[ids[0]])
    import_dataset(ham.root, tmp_path / "data.db")
    with DatasetStore.open(tmp_path / "data.db") as store:
        assert store.frame()["group_id"].tolist() == [ids[0], ids[1], ids[1]]


def test_identical_files_form_a_group(ham: HamFolder, tmp_path: Path) -> None:
    ids = [ham.add("nv")[0] for _ in range(2)]
    for image_id in ids:
        Image.new("RGB", (40, 30), "white").save(ham.paths[image_id])
    import_dataset(ham.write(), tmp_path / "data.db")
    with DatasetStore.open(tmp_path / "data.db") as store:
        assert store.frame()["group_id"].tolist() == [ids[0], ids[0]]
