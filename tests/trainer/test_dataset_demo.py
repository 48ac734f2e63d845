"""The drawn dataset: laid out as HAM10000, the same for the same seed, marked as drawn, broken where it says."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from trainer.dataset.demo.lesions import PROBLEMS, SHARES, draw_dataset, draw_lesion
from trainer.dataset.drawn import SPLIT_NOTE, is_drawing
from trainer.dataset.importing import import_dataset
from trainer.dataset.likeness.looks import detail_of, near_duplicates, thumbnail_of
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore
from trainer.errors import DatasetError, ImageError, StoppedError, StorageError
from trainer.events import AnyEvent, Progress, StopRequest
from trainer.images.decoding import check_image, read_image

LESIONS = 16


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_dataset(tmp_path_factory.mktemp("drawn") / "dataset", seed=1, lesions=LESIONS, size=(120, 90))


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "HAM10000_metadata.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def images(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.glob("HAM10000_images_part_[12]/*.jpg")}


def digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return total.hexdigest()


def test_a_split_of_drawings_says_that_they_are_drawings(drawn: Path, tmp_path: Path) -> None:
    import_dataset(drawn, tmp_path / "drawn.db")
    with DatasetStore.open(tmp_path / "drawn.db") as store:
        split_dataset(store)
        split_dataset(store, seed=5)
        certificate = store.certificate()
    assert certificate is not None
    assert certificate.drawn
    assert certificate.notes[-1] == SPLIT_NOTE


def test_drawings_are_known_by_their_names() -> None:
    assert is_drawing("DRAWN_0000012")
    assert is_drawing(Path("/somewhere/DRAWN_0000012.jpg"))
    assert not is_drawing("ISIC_0000012.jpg")
    assert not is_drawing("DRAWN_by_hand.jpg")


def test_the_folder_is_laid_out_as_kaggle_ships_it(drawn: Path) -> None:
    assert sorted(path.name for path in drawn.iterdir()) == [
        "HAM10000_images_part_1",
        "HAM10000_images_part_2",
        "HAM10000_metadata.csv",
        "README.txt",
    ]
    assert all(any((drawn / f"HAM10000_images_part_{part}").iterdir()) for part in (1, 2))
    rows = table(drawn)
    assert list(rows[0]) == ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
    sound = [row for row in rows if row["image_id"] not in PROBLEMS]
    assert {row["dx"] for row in sound} == set(SHARES)
    assert len({row["lesion_id"] for row in sound}) == LESIONS
    assert len(sound) > LESIONS  # some lesions were photographed several times
    assert len({row["image_id"] for row in rows}) == len(rows)
    for row in sound:
        facts = check_image(images(drawn)[row["image_id"]])
        assert (facts.width, facts.height, facts.format) == (120, 90, "JPEG")
        assert row["age"] == "" or float(row["age"]) % 5 == 0


def test_classes_are_unequal_and_nevi_are_the_most(tmp_path: Path) -> None:
    rows = table(draw_dataset(tmp_path / "set", lesions=40, size=(32, 24)))
    lesions = {row["lesion_id"]: row["dx"] for row in rows if row["image_id"] not in PROBLEMS}
    numbers = {name: list(lesions.values()).count(name) for name in SHARES}
    assert sum(numbers.values()) == 40
    assert max(numbers, key=lambda name: numbers[name]) == "nv"
    assert 0.35 < numbers["nv"] / 40 < 0.5
    assert min(numbers.values()) >= 2


def test_one_lesion_photographed_twice_gives_two_like_pictures(drawn: Path) -> None:
    by_lesion: dict[str, list[dict[str, str]]] = {}
    for row in table(drawn):
        by_lesion.setdefault(row["lesion_id"], []).append(row)
    several = [rows for rows in by_lesion.values() if len(rows) > 1]
    assert several
    for rows in several:
        assert len({tuple(row[name] for name in ("dx", "age", "sex", "localization")) for row in rows}) == 1
        pictures = [read_image(images(drawn)[row["image_id"]]) for row in rows]
        assert not np.array_equal(pictures[0], pictures[1])


def test_no_two_lesions_are_near_duplicates(drawn: Path) -> None:
    rows = [row for row in table(drawn) if row["image_id"] not in PROBLEMS]
    pictures = [read_image(images(drawn)[row["image_id"]]) for row in rows]
    blocks = near_duplicates(
        np.array([list(thumbnail_of(picture)) for picture in pictures], dtype=np.uint8),
        lambda position: detail_of(pictures[position]),
        np.ones(len(rows), dtype=bool),
    )
    for _, pairs in blocks:
        assert all(rows[first]["lesion_id"] == rows[second]["lesion_id"] for first, second in pairs)


def test_what_is_broken_is_broken_as_listed(drawn: Path) -> None:
    files, rows = images(drawn), {row["image_id"]: row for row in table(drawn)}
    assert set(PROBLEMS.values()) == {
        "truncated",
        "undecodable",
        "missing",
        "without-metadata",
        "unknown-class",
    }
    for image_id, problem in PROBLEMS.items():
        assert (image_id in files) == (problem != "missing")
        assert (image_id in rows) == (problem != "without-metadata")
        if problem in {"truncated", "undecodable"}:
            with pytest.raises(ImageError) as caught:
                read_image(files[image_id])
            assert caught.value.kind == problem
        elif image_id in files:
            read_image(files[image_id])
    assert rows["DRAWN_9000005"]["dx"] not in SHARES


def test_an_import_takes_what_is_sound_and_lists_the_rest(drawn: Path, tmp_path: Path) -> None:
    import_dataset(drawn, tmp_path / "dataset.db")
    with DatasetStore.open(tmp_path / "dataset.db", read_only=True) as store:
        found = store.problems()
        assert dict(zip(found["sample_id"], found["kind"], strict=True)) == PROBLEMS
        sound = [row["image_id"] for row in table(drawn) if row["image_id"] not in PROBLEMS]
        assert sorted(store.frame()["sample_id"]) == sorted(sound)


def test_drawings_say_that_they_are_drawings(drawn: Path) -> None:
    assert "drawings" in (drawn / "README.txt").read_text(encoding="utf-8")
    for image_id, path in images(drawn).items():
        if PROBLEMS.get(image_id) in {"truncated", "undecodable"}:
            continue
        with Image.open(path) as image:
            assert b"Drawn by SkinDesk" in image.info["comment"]
            assert "Not a photograph" in image.getexif()[0x010E]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    digests = [
        digest(draw_dataset(tmp_path / str(number), seed=seed, lesions=8, size=(48, 36)))
        for number, seed in enumerate((1, 1, 2))
    ]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


@pytest.mark.parametrize("class_name", sorted(SHARES))
@pytest.mark.parametrize("size", [(80, 60), (60, 80), (64, 64)])
def test_every_class_is_drawn_at_every_size(class_name: str, size: tuple[int, int]) -> None:
    image = draw_lesion(class_name, np.random.default_rng(3), size)
    assert image.shape == (size[1], size[0], 3)
    assert image.dtype == np.uint8
    assert image.std() > 5
    assert np.array_equal(image, draw_lesion(class_name, np.random.default_rng(3), size))


def test_vascular_lesions_are_redder_and_nevi_browner_than_the_skin_around_them() -> None:
    def middle_less_rim(class_name: str) -> npt.NDArray[np.float64]:
        total = np.zeros(3)
        for seed in range(6):
            image = draw_lesion(class_name, np.random.default_rng(seed), (64, 64)).astype(float)
            rim = np.concatenate([image[8:12, 12:-12].reshape(-1, 3), image[-12:-8, 12:-12].reshape(-1, 3)])
            total += image[24:40, 24:40].mean((0, 1)) - rim.mean(0)
        return total / 6

    red, green, blue = middle_less_rim("vasc")
    assert green < -40
    assert red > green + 30
    red, green, blue = middle_less_rim("nv")
    assert blue < -30
    assert red < -20
    assert green < -30
    assert middle_less_rim("df").min() > middle_less_rim("mel").max()


def test_simple_colours_tell_some_but_not_all_classes_apart() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, classes = [], []
    for label, class_name in enumerate(sorted(SHARES)):
        for seed in range(16):
            image = draw_lesion(class_name, np.random.default_rng([seed, label]), (64, 48)) / 255
            middle = image[12:-12, 16:-16]
            parts = [part.reshape(-1, 3) for part in (image, middle)]
            features.append([number for part in parts for number in (*part.mean(0), *part.std(0))])
            classes.append(label)
    even = np.arange(len(classes)) % 2 == 0
    network = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    network.fit(np.array(features)[even], np.array(classes)[even])
    accuracy = network.score(np.array(features)[~even], np.array(classes)[~even])
    assert 0.55 < accuracy < 0.98


def test_progress_is_told_and_ends_with_all_lesions(tmp_path: Path) -> None:
    events: list[AnyEvent] = []
    draw_dataset(tmp_path / "set", lesions=8, size=(32, 24), listener=events.append)
    assert all(isinstance(event, Progress) and event.unit == "lesions" for event in events)
    assert isinstance(events[-1], Progress)
    assert (events[-1].done, events[-1].total) == (8, 8)


def test_a_stop_leaves_nothing_behind(tmp_path: Path) -> None:
    stop = StopRequest()
    with pytest.raises(StoppedError):
        draw_dataset(tmp_path / "set", lesions=8, size=(32, 24), stop=stop, listener=lambda _: stop.ask())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(DatasetError, match="not empty"):
        draw_dataset(tmp_path, lesions=8)
    with pytest.raises(DatasetError, match="not empty"):
        draw_dataset(tmp_path / "mine.txt", lesions=8)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    draw_dataset(tmp_path / "empty", lesions=8, size=(32, 24))
    assert (tmp_path / "empty" / "README.txt").exists()


def test_bad_wishes_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="at least 7 lesions"):
        draw_dataset(tmp_path / "set", lesions=3)
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError):
        draw_dataset(tmp_path / "file" / "set", lesions=8)
