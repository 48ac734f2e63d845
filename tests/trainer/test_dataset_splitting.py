from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.drawn import HamFolder, write_class_folders, write_image, write_table
from trainer.dataset.groups.certificate import PARTS
from trainer.dataset.importing import import_dataset
from trainer.dataset.splitting import assign_groups, check_trainable, split_dataset
from trainer.dataset.store import DatasetStore
from trainer.errors import ConfigError, DatasetError, StoppedError
from trainer.events import AnyEvent, Progress, Said, StopRequest, Warned

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = (0.7, 0.15, 0.15)
HAM_COUNTS = {"akiec": 228, "bcc": 327, "bkl": 727, "df": 73, "mel": 614, "nv": 5403, "vasc": 98}


def ham_like(seed: int) -> dict[str, Counter[str]]:
    """Groups of one class each, with lesions of several images as in HAM10000."""
    random = np.random.default_rng(seed)
    counts = {}
    for name, lesions in HAM_COUNTS.items():
        for number in range(lesions):
            images = int(random.choice([1, 2, 3, 6], p=[0.74, 0.19, 0.06, 0.01]))
            counts[f"{name}{number}"] = Counter({name: images})
    return counts


def held(counts: dict[str, Counter[str]], part_of: dict[str, str]) -> dict[str, Counter[str]]:
    parts: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
    for group, count in counts.items():
        parts[part_of[group]].update(count)
    return parts


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fractions", [DEFAULT, (0.5, 0.3, 0.2), (0.9, 0.05, 0.05), (1 / 3, 1 / 3, 1 / 3)])
def test_every_class_has_its_share_in_every_part(seed: int, fractions: tuple[float, float, float]) -> None:
    counts = ham_like(seed)
    parts = held(counts, assign_groups(counts, seed=seed, fractions=fractions))
    for name in HAM_COUNTS:
        total = sum(parts[part][name] for part in PARTS)
        for part, fraction in zip(PARTS, fractions, strict=True):
            assert abs(parts[part][name] - fraction * total) <= 1.5


def test_lesions_of_many_images_are_spread_too() -> None:
    counts = ham_like(0)
    part_of = assign_groups(counts, seed=0, fractions=DEFAULT)
    several = Counter(part_of[group] for group, count in counts.items() if count.total() > 1)
    for part, fraction in zip(PARTS, DEFAULT, strict=True):
        assert several[part] / several.total() == pytest.approx(fraction, abs=0.02)


def test_groups_of_mixed_classes_are_balanced() -> None:
    random = np.random.default_rng(4)
    names = list(HAM_COUNTS)
    prior = np.array(list(HAM_COUNTS.values())) / sum(HAM_COUNTS.values())
    counts = {
        f"P{number:04d}": Counter(random.choice(names, size=random.integers(1, 12), p=prior).tolist())
        for number in range(600)
    }
    parts = held(counts, assign_groups(counts, seed=0, fractions=DEFAULT))
    for name in names:
        total = sum(parts[part][name] for part in PARTS)
        for part, fraction in zip(PARTS, DEFAULT, strict=True):
            assert abs(parts[part][name] - fraction * total) <= max(3.0, 0.05 * total)


def test_the_seed_decides_and_the_order_does_not() -> None:
    counts = ham_like(1)
    first = assign_groups(counts, seed=3, fractions=DEFAULT)
    assert first == assign_groups(dict(reversed(counts.items())), seed=3, fractions=DEFAULT)
    other = assign_groups(counts, seed=4, fractions=DEFAULT)
    assert sum(first[group] != other[group] for group in counts) > 1000


@pytest.mark.parametrize(("groups", "parts"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 3)])
def test_a_rare_class_is_in_as_many_parts_as_it_can_be(groups: int, parts: int) -> None:
    counts = {f"nv{n}": Counter(nv=1) for n in range(200)} | {f"df{n}": Counter(df=1) for n in range(groups)}
    part_of = assign_groups(counts, seed=0, fractions=DEFAULT)
    places = Counter(part_of[f"df{n}"] for n in range(groups))
    assert len(places) == parts
    assert places["train"] >= 1


@pytest.fixture
def file(ham: HamFolder, tmp_path: Path) -> Path:
    for number in range(20):
        ham.add("nv", 1 + number % 3)
        ham.add("mel", 1 + number % 2)
    ham.add("df")
    ham.add("df")
    path = tmp_path / "data.db"
    import_dataset(ham.write(), path)
    return path


def test_the_certificate_counts_what_is_stored(file: Path) -> None:
    events: list[AnyEvent] = []
    with DatasetStore.open(file) as store:
        certificate = split_dataset(store, seed=7, listener=events.append)
        assert store.certificate() == certificate
        assert certificate.fingerprint == store.fingerprint()
        frame = store.frame()
    assert frame.groupby("lesion_id")["split"].nunique().max() == 1
    for part in PARTS:
        rows = frame[frame["split"] == part]
        assert certificate.images[part] == len(rows) > 0
        assert certificate.groups[part] == certificate.lesions[part] == rows["lesion_id"].nunique()
        assert certificate.classes[part] == rows["class_name"].value_counts().to_dict()
    assert certificate.sound
    assert (certificate.seed, certificate.fractions) == (7, DEFAULT)
    assert certificate.notes == (
        (
            "Class df is too rare for three parts: its 2 images form 2 groups; it is in train and validation, and "
            "not in test."
        ),
    )
    assert [event.message for event in events if isinstance(event, Warned)] == list(certificate.notes)
    text = certificate.describe()
    assert "Groups in two parts: 0" in text
    assert "Lesions in two parts: 0" in text
    assert certificate.notes[0] in text


def test_the_certificate_finds_a_leak(file: Path) -> None:
    with DatasetStore.open(file) as store:
        split_dataset(store)
        frame = store.frame()
        several = frame[frame.duplicated("lesion_id") & (frame["split"] == "train")]["sample_id"].iloc[0]
        store.database.run("UPDATE samples SET split = 'test' WHERE sample_id = ?", (several,))
        certificate = store.certificate()
    assert certificate is not None
    assert not certificate.sound
    assert (certificate.groups_in_two_parts, certificate.lesions_in_two_parts) == (1, 1)
    assert "Groups in two parts: 1" in certificate.describe()


def test_the_same_seed_gives_the_same_split(file: Path) -> None:
    with DatasetStore.open(file) as store:
        first = split_dataset(store, seed=1).fingerprint
        assert split_dataset(store, seed=2).fingerprint != first
        assert split_dataset(store, seed=1).fingerprint == first


def test_patients_stay_in_one_part(tmp_path: Path) -> None:
    rows = []
    for number in range(60):
        write_image(tmp_path / f"{number}.png", number)
        rows.append([f"{number}.png", ("mel", "nv")[number % 2], f"L{number}", f"P{number // 4}"])
    write_table(tmp_path / "t.csv", ["file", "label", "lesion_id", "patient_id"], rows)
    import_dataset(tmp_path, tmp_path / "data.db")
    with DatasetStore.open(tmp_path / "data.db") as store:
        certificate = split_dataset(store)
        assert store.frame().groupby("patient_id")["split"].nunique().max() == 1
    assert sum(certificate.groups.values()) == 15
    assert certificate.patients_in_two_parts == 0


def test_one_class_cannot_be_split(tmp_path: Path) -> None:
    import_dataset(write_class_folders(tmp_path, {"mel": 5}), tmp_path / "data.db")
    with DatasetStore.open(tmp_path / "data.db") as store:
        with pytest.raises(
            DatasetError, match=r"All 5 images are of class mel; at least two classes are needed"
        ):
            split_dataset(store)
        with pytest.raises(DatasetError, match="at least two classes"):
            check_trainable(store.frame())


def test_nothing_cannot_be_split(tmp_path: Path) -> None:
    with (
        DatasetStore.create(tmp_path / "data.db") as store,
        pytest.raises(DatasetError, match="has no images that can be used"),
    ):
        split_dataset(store)


def test_two_groups_cannot_be_split(tmp_path: Path) -> None:
    import_dataset(write_class_folders(tmp_path, {"mel": 1, "nv": 1}), tmp_path / "data.db")
    with (
        DatasetStore.open(tmp_path / "data.db") as store,
        pytest.raises(DatasetError, match="only 2 groups"),
    ):
        split_dataset(store)


@pytest.mark.parametrize(
    "fractions",
    [
        (0.7, 0.2, 0.2),
        (1.0, 0.0, 0.0),
        (0.0, 0.5, 0.5),
        (0.8, 0.0, 0.2),
        (1.2, -0.1, -0.1),
        (float("nan"), 0.5, 0.5),
    ],
)
def test_fractions_that_cannot_be(file: Path, fractions: tuple[float, float, float]) -> None:
    with DatasetStore.open(file) as store, pytest.raises(ConfigError, match="three numbers above 0"):
        split_dataset(store, fractions=fractions)


def test_a_split_may_have_no_test_part(file: Path) -> None:
    said: list[AnyEvent] = []
    with DatasetStore.open(file) as store:
        certificate = split_dataset(store, fractions=(0.8, 0.2, 0.0), listener=said.append)
        parts = set(store.frame()["split"])
    assert parts == {"train", "validation"}
    assert certificate.images["test"] == certificate.groups["test"] == 0
    assert certificate.images["validation"] / sum(certificate.images.values()) == pytest.approx(0.2, abs=0.03)
    assert certificate.sound
    assert certificate.notes == (
        "There is no test part, so networks can only be scored on images that were used to choose them.",
    )
    assert any(isinstance(event, Said) and "into two parts" in event.message for event in said)


def test_two_groups_are_enough_without_a_test_part(tmp_path: Path) -> None:
    import_dataset(write_class_folders(tmp_path, {"mel": 1, "nv": 1}), tmp_path / "data.db")
    with DatasetStore.open(tmp_path / "data.db") as store:
        certificate = split_dataset(store, fractions=(0.5, 0.5, 0.0))
    assert certificate.images == {"train": 1, "validation": 1, "test": 0}


def test_a_split_that_is_stopped_leaves_the_one_before(file: Path) -> None:
    stop = StopRequest()

    def listen(event: AnyEvent) -> None:
        if isinstance(event, Progress) and event.task == "Splitting":
            stop.ask()

    with DatasetStore.open(file) as store:
        before = split_dataset(store, seed=1)
        with pytest.raises(StoppedError):
            split_dataset(store, seed=2, listener=listen, stop=stop)
        assert store.certificate() == before


def test_the_comparison_before_a_split_can_be_stopped(file: Path) -> None:
    stop = StopRequest()
    heard: list[str] = []

    def listen(event: AnyEvent) -> None:
        if isinstance(event, Progress):
            heard.append(event.task)
            stop.ask()

    with DatasetStore.open(file) as store:
        store.database.run("UPDATE looks SET compared = 0")
        with pytest.raises(StoppedError):
            split_dataset(store, listener=listen, stop=stop)
        assert store.certificate() is None
    assert heard == ["Comparing images"]
