"""The images of a folder predicted into tables: stopped, resumed, refused."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from trainer import RESEARCH_ONLY
from trainer.batches.folder import list_folder
from trainer.batches.kept import KEPT_FILE, KeptPredictions, identity_of, read_kept
from trainer.batches.table import CSV_FILE, JSON_FILE, WORKBOOK_FILE, Counts
from trainer.errors import BundleError, ConfigError, DatasetError, StoppedError, StorageError
from trainer.events import AnyEvent, Progress, StopRequest
from trainer.prediction.batch import predict_folder
from trainer.prediction.inference import Predictor
from trainer.predictions import Prediction
from trainer.runs.bundle import REFERENCE, bundle_hash

CLASSES = ("bkl", "mel", "nv")


@pytest.fixture
def bundle(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained / "bundle", tmp_path / "network" / "bundle"))


@pytest.fixture
def folder(image_folder: Path, tmp_path: Path) -> Path:
    """Every third image and the table of classes, an image whose name is a formula, and one that is cut."""
    folder = tmp_path / "folder"
    (folder / "images").mkdir(parents=True)
    shutil.copy(image_folder / "HAM10000_metadata.csv", folder)
    images = sorted(image_folder.rglob("*.png"))[::3]
    for image in images:
        shutil.copy(image, folder / "images")
    shutil.copy(images[0], folder / "images" / "=1+1.png")
    (folder / "images" / "cut.png").write_bytes(images[0].read_bytes()[:900])
    return folder


def table(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text().splitlines()))


def progress_of(events: list[AnyEvent]) -> list[tuple[int, int]]:
    return [(event.done, event.total) for event in events if isinstance(event, Progress)]


def test_a_folder_is_predicted_as_its_images_are(bundle: Path, folder: Path, tmp_path: Path) -> None:
    counts = predict_folder(bundle, folder, tmp_path / "out")
    images = sorted((folder / "images").iterdir())
    alone = Predictor(bundle).predict(images)
    document = json.loads((tmp_path / "out" / JSON_FILE).read_text())
    known = {row["image_id"]: row["dx"] for row in table(folder / "HAM10000_metadata.csv")}
    assert [row["path"] for row in document["predictions"]] == [str(image) for image in images]
    for row, expected in zip(document["predictions"], alone, strict=True):
        if expected.error:
            assert row == {"path": expected.path, "error": expected.error}
            continue
        assert row["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
        assert (row["predicted"], row["in_distribution"]) == (expected.predicted, expected.in_distribution)
        name = known.get(Path(expected.path).stem, "")
        assert row.get("known_class", "") == name
        assert row.get("correct") == ((name == expected.predicted) if name else None)
    right = sum(row.get("correct") is True for row in document["predictions"])
    flagged = sum(prediction.in_distribution is False for prediction in alone)
    assert counts == Counts(images=30, unreadable=1, flagged=flagged, known=28, correct=right)
    assert document["images"] == 30


def test_each_table_names_the_network_and_holds_no_formula(
    bundle: Path, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    predict_folder(bundle, folder, out)
    rows = table(out / CSV_FILE)
    assert len(rows) == 30
    for row in rows:
        assert (row["network"], row["bundle"], row["note"]) == ("network", bundle_hash(bundle), RESEARCH_ONLY)
    network = json.loads((out / JSON_FILE).read_text())["network"]
    assert (network["name"], network["bundle"]) == ("network", bundle_hash(bundle))
    book = openpyxl.load_workbook(out / WORKBOOK_FILE)
    about = {name.value: text.value for name, text in book["Network"].iter_rows()}
    assert (about["Bundle"], about["Note"]) == (bundle_hash(bundle), RESEARCH_ONLY)
    head, *lines = book["Predictions"].iter_rows()
    assert [cell.value for cell in head] == list(rows[0])
    assert len(lines) == 30
    assert {cell.data_type for line in lines for cell in line} <= {"s", "n"}
    shares = [line[2].value for line in lines]
    assert [None if share is None else f"{share:.6f}" for share in shares] == [
        row["bkl"] or None for row in rows
    ]


def test_a_name_like_a_formula_stays_text(tmp_path: Path, bundle: Path) -> None:
    from trainer.batches.table import Row, network_facts, write_tables

    write_tables(
        tmp_path, network_facts(bundle), [Row(Prediction(path="=1+1.png", error="@gone\x07"), "-nv")]
    )
    line = list(openpyxl.load_workbook(tmp_path / WORKBOOK_FILE)["Predictions"].iter_rows())[1]
    texts = [(cell.value, cell.data_type, cell.quotePrefix) for cell in line if cell.value is not None]
    assert texts[:3] == [("=1+1.png", "s", True), (r"@gone\u0007", "s", True), ("-nv", "s", True)]
    (row,) = table(tmp_path / CSV_FILE)
    assert (row["path"], row["error"], row["known_class"]) == ("'=1+1.png", "'@gone\x07", "'-nv")


def test_what_was_predicted_before_a_stop_is_kept(bundle: Path, folder: Path, tmp_path: Path) -> None:
    out, stop = tmp_path / "out", StopRequest()
    with pytest.raises(StoppedError):
        predict_folder(bundle, folder, out, listener=lambda _event: stop.ask(), stop=stop)
    assert not (out / CSV_FILE).exists()
    first = read_kept(out / KEPT_FILE, identity_of(bundle).bundle).rows
    assert 0 < len(first) < 30
    with (out / KEPT_FILE).open("ab") as stream:
        stream.write(b'{"size":12,"changed":')  # what a killed process leaves
    events: list[AnyEvent] = []
    predict_folder(bundle, folder, out, listener=events.append)
    assert progress_of(events)[0][0] > len(first)
    assert progress_of(events)[-1] == (30, 30)
    rows = read_kept(out / KEPT_FILE, identity_of(bundle).bundle).rows
    assert rows[: len(first)] == first
    assert len(rows) == len({row.prediction.path for row in rows}) == 30
    resumed = (out / CSV_FILE).read_text()
    predict_folder(bundle, folder, tmp_path / "at once")
    assert (tmp_path / "at once" / CSV_FILE).read_text() == resumed


def touched(folder: Path, _bundle: Path) -> None:
    image = min((folder / "images").glob("ISIC*"))
    os.utime(image, (1, 1))


def grown(folder: Path, _bundle: Path) -> None:
    shutil.copy(min((folder / "images").glob("ISIC*")), folder / "images" / "new.png")


def forgotten(_folder: Path, bundle: Path) -> None:
    (bundle / REFERENCE).unlink()


@pytest.mark.parametrize(("change", "predicted"), [(touched, 1), (grown, 1), (forgotten, 30)])
def test_only_what_has_changed_is_predicted_again(
    bundle: Path, folder: Path, tmp_path: Path, change: Callable[[Path, Path], None], predicted: int
) -> None:
    out = tmp_path / "out"
    predict_folder(bundle, folder, out)
    change(folder, bundle)
    events: list[AnyEvent] = []
    counts = predict_folder(bundle, folder, out, listener=events.append)
    (lines,) = (len(read_kept(out / KEPT_FILE, identity_of(bundle).bundle).rows),)
    assert lines == 30 + predicted
    assert progress_of(events)[-1] == (counts.images, counts.images)
    again: list[AnyEvent] = []
    predict_folder(bundle, folder, out, listener=again.append)
    assert progress_of(again) == []


def test_predictions_of_another_network_are_not_mixed(bundle: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    identity = identity_of(bundle)
    with KeptPredictions(out, identity._replace(bundle="0" * 64)):
        pass
    with pytest.raises(
        BundleError, match=r"another network \(000000000000, not [0-9a-f]{12}\); choose another"
    ):
        predict_folder(bundle, folder, out)
    (out / KEPT_FILE).write_text('{"format_version": 99, "program_version": "9", "bundle": ""}\n')
    with pytest.raises(BundleError, match="newer SkinDesk"):
        predict_folder(bundle, folder, out)
    (out / KEPT_FILE).write_text("something else\n")
    with pytest.raises(BundleError, match="is not a file of predictions"):
        predict_folder(bundle, folder, out)


def test_two_processes_do_not_write_into_one_folder(bundle: Path, folder: Path, tmp_path: Path) -> None:
    with (
        KeptPredictions(tmp_path / "out", identity_of(bundle)),
        pytest.raises(StorageError, match="Another SkinDesk is writing"),
    ):
        predict_folder(bundle, folder, tmp_path / "out")


def test_a_damaged_line_is_passed_over(bundle: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict_folder(bundle, folder, out)
    lines = (out / KEPT_FILE).read_bytes().splitlines(keepends=True)
    lines[3] = lines[3][:50] + b"\xff\n"
    (out / KEPT_FILE).write_bytes(b"".join(lines))
    events: list[AnyEvent] = []
    predict_folder(bundle, folder, out, listener=events.append)
    assert progress_of(events) == [(30, 30)]


def test_folders_that_cannot_be_used_are_refused(bundle: Path, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lies inside the folder of the images"):
        predict_folder(bundle, folder, folder / "out")
    with pytest.raises(DatasetError, match="There is no folder"):
        predict_folder(bundle, tmp_path / "gone", tmp_path / "out")
    with pytest.raises(DatasetError, match="is a file; give the folder"):
        predict_folder(bundle, next(folder.rglob("*.png")), tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="is empty"):
        predict_folder(bundle, tmp_path / "empty", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("names", "known", "notes"),
    [
        (("melanoma", "NV"), {"mel", "nv"}, 0),
        (("mel", "scar"), {"mel", "scar"}, 1),
        (("spring", "autumn"), {""}, 0),
        ((".", "."), {""}, 0),
    ],
)
def test_class_folders_give_known_classes_as_the_network_spells_them(
    folder: Path, tmp_path: Path, names: tuple[str, str], known: set[str], notes: int
) -> None:
    source = tmp_path / "source"
    for place, image in enumerate(sorted((folder / "images").glob("ISIC*"))):
        target = source / names[place % 2]
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, target)
    found = list_folder(source, CLASSES)
    assert {image.known_class for image in found.images} == known
    assert (len(found.images), len(found.notes)) == (28, notes)
