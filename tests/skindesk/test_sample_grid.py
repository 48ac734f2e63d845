"""Samples are found, filtered, sorted and folded into a grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication
from pytestqt.modeltest import ModelTester

from skindesk.models.dataset.files import dataset_file_for, dataset_state, read_dataset, relocate_dataset
from skindesk.models.dataset.grid import SampleGrid
from skindesk.models.dataset.query import QueryError, parse_query
from skindesk.models.dataset.samples import SampleTable, SortKey
from skindesk.models.dataset.thumbnails import Thumbnails
from skindesk.widgets.samples.painter import SamplePainter
from tests.drawn import HamFolder
from trainer.dataset.classes.malignancy import Marks
from trainer.dataset.importing import import_dataset
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore
from trainer.errors import DatasetError

ROWS = [
    # sample_id, class_name, lesion_id, split, age, sex, site, dx_type, bytes
    ("ISIC_0024306", "nv", "HAM_1", "train", 45.0, "male", "back", "follow_up", 3000),
    ("ISIC_0024307", "mel", "HAM_2", "test", 70.0, "female", "lower extremity", "histo", 1000),
    ("ISIC_0024308", "mel", "HAM_2", "test", 70.0, "female", "lower extremity", "histo", 2000),
    ("ISIC_0024309", "bkl", None, "validation", None, None, "back", "consensus", 9000),
    ("ISIC_0024310", "bcc", "HAM_0", None, 61.0, "male", None, "histo", 4000),
]


@pytest.fixture
def table() -> SampleTable:
    return table_of(ROWS)


def table_of(rows: list[tuple[object, ...]]) -> SampleTable:
    columns = ["sample_id", "class_name", "lesion_id", "split", "age", "sex", "site", "dx_type", "bytes"]
    frame = pd.DataFrame(rows, columns=columns, dtype="object")
    frame["path"] = "/images/" + frame["sample_id"] + ".jpg"
    frame["patient_id"] = None
    frame["width"], frame["height"] = 600, 450
    frame = frame.astype({"age": "float64", "bytes": "int64"})
    return SampleTable.of(frame, Marks(malignant=("bcc", "mel"), benign=("bkl", "nv")))


def found(table: SampleTable, text: str) -> list[int]:
    query = parse_query(text)
    assert query is not None
    return [int(row) for row in np.flatnonzero(query.matches(table))]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("24307", [1]),
        ("isic", [0, 1, 2, 3, 4]),
        ("ham_2", [1, 2]),
        ("male", [0, 4]),  # not female: words are found from their beginning
        ("female", [1, 2]),
        ("melanoma", [1, 2]),
        ("mel", [1, 2]),
        ("Melano", [0, 1, 2]),  # melanocytic nevus, too
        ("histo male", [4]),
        ("extremity", [1, 2]),
        ("age > 60 and site = back", []),
        ("age > 60", [1, 2, 4]),
        ("age>=61 sex=male", [4]),
        ("site = lower extremity and age = 70", [1, 2]),
        ("site = back or class = bcc", [0, 3, 4]),
        ("not site = back", [1, 2, 4]),
        ("site != back", [1, 2, 4]),
        ("(site = back or sex = male) and not age = unknown", [0, 4]),
        ("age != unknown", [0, 1, 2, 4]),
        ("age = unknown", [3]),
        ("lesion = unknown", [3]),
        ("site = unknown", [4]),
        ("class = malignant", [1, 2, 4]),
        ("class = benign", [0, 3]),
        ("class = melanoma", [1, 2]),
        ("lesion ~ am_", [0, 1, 2, 4]),
        ("split = test", [1, 2]),
        ("split = unknown", [4]),
        ("kb <= 2", [1, 2]),
        ('"lower extremity"', [1, 2]),
        ("width ≥ 600", [0, 1, 2, 3, 4]),
        ("dx_type = histo", [1, 2, 4]),
    ],
)
def test_a_query_finds(table: SampleTable, text: str, rows: list[int]) -> None:
    assert found(table, text) == rows


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("age >", "Nothing follows “age >”"),
        ("age > old", "“old” is not a number"),
        ("age ~ 5", "is a number"),
        ("site > back", "is text"),
        ("colour = red", "There is no field “colour”"),
        ("(age > 5", "not closed"),
        ("age > 5)", "without an opening one"),
        ('"back', "quotation mark"),
        ("back and", "missing at the end"),
        ("or back", "missing before “or”"),
        ("> 5", "missing before “>”"),
        ("back !", "not understood"),
    ],
)
def test_a_query_that_cannot_be_understood_says_why(text: str, why: str) -> None:
    with pytest.raises(QueryError, match=why.replace("(", r"\(").replace(")", r"\)")):
        parse_query(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(" * 5000 + "mel" + ")" * 5000, "too long"),
        ("(" * 900 + "mel" + ")" * 900, "Brackets or nots are nested"),
        ("not " * 1500 + "mel", "Brackets or nots are nested"),
        ("(" * 1900, "Brackets or nots are nested"),
        ("mel " * 50_000, "too long"),
    ],
)
def test_a_search_without_end_is_refused_in_a_sentence(text: str, why: str) -> None:
    with pytest.raises(QueryError, match=why):
        parse_query(text)


def test_a_search_may_be_as_deep_as_any_person_writes() -> None:
    assert parse_query("(" * 50 + "mel" + ")" * 50) == parse_query("mel")
    assert parse_query("(mel) " * 300) is not None


def test_nothing_typed_asks_for_nothing() -> None:
    assert parse_query("   ") is None


@pytest.mark.parametrize(
    ("key", "upwards", "downwards"),
    [
        (SortKey.ID, [0, 1, 2, 3, 4], [4, 3, 2, 1, 0]),
        (SortKey.CLASS, [4, 3, 1, 2, 0], [0, 1, 2, 3, 4]),
        (SortKey.AGE, [0, 4, 1, 2, 3], [1, 2, 4, 0, 3]),
        (SortKey.LESION, [4, 0, 1, 2, 3], [1, 2, 0, 4, 3]),
        (SortKey.SPLIT, [0, 3, 1, 2, 4], [1, 2, 3, 0, 4]),
        (SortKey.SIZE, [1, 2, 0, 4, 3], [3, 4, 0, 2, 1]),
    ],
)
def test_samples_are_sorted_and_unknown_values_come_last_either_way(
    table: SampleTable, key: SortKey, upwards: list[int], downwards: list[int]
) -> None:
    assert list(table.rows(key=key)) == upwards
    assert list(table.rows(key=key, descending=True)) == downwards


def test_classes_parts_and_a_query_are_all_fulfilled(table: SampleTable) -> None:
    assert list(table.rows(classes={"mel", "bcc"})) == [1, 2, 4]
    assert list(table.rows(parts={"test", "train"})) == [0, 1, 2]
    query = parse_query("kb = 2")
    assert query is not None
    assert list(table.rows(classes={"mel"}, parts={"test"}, matching=query.matches(table))) == [2]


def test_the_other_images_of_a_lesion_are_found(table: SampleTable) -> None:
    assert list(table.same_lesion(1)) == [2]
    assert list(table.same_lesion(0)) == []
    assert list(table.same_lesion(3)) == []  # an unknown lesion is nobody's


def test_ids_are_shortened_by_what_they_share(table: SampleTable) -> None:
    assert table.id.texts[0][table.short_ids_from() :] == "24306"


@pytest.mark.usefixtures("settings")
def test_ids_that_do_not_fit_beside_the_class_stand_whole_below_it(table: SampleTable) -> None:
    metrics, width = QFontMetrics(QGuiApplication.font()), 128
    painter = SamplePainter(Thumbnails())
    painter.set_table(table)
    one_line = painter.cell_height(width, metrics)
    _first, *facts = ROWS[0]
    painter.set_table(table_of([*ROWS, ("patient 0123, left shoulder, second visit", *facts)]))
    assert painter.cell_height(width, metrics) >= one_line + 2 * metrics.lineSpacing()
    assert painter.cell_height(width, metrics) == one_line + (
        painter._id_lines(width, metrics) * metrics.lineSpacing()
    )
    wide = 600
    beside = painter.cell_height(wide, metrics) - painter.picture_size(wide).height()
    assert beside == one_line - painter.picture_size(width).height(), "a wide cell has room for both"


def test_counts_by_class(table: SampleTable) -> None:
    assert table.class_name.counts() == {"bcc": 1, "bkl": 1, "mel": 2, "nv": 1}
    assert table.class_name.counts(np.array([1, 2])) == {"bcc": 0, "bkl": 0, "mel": 2, "nv": 0}


def test_the_grid_is_a_sound_model_however_it_is_folded(
    table: SampleTable, qtmodeltester: ModelTester
) -> None:
    grid = SampleGrid()
    grid.show_samples(table, table.rows())
    qtmodeltester.check(grid)
    grid.set_columns(2)
    qtmodeltester.check(grid)
    grid.set_columns(7)
    grid.show_samples(None, np.zeros(0, dtype=np.int64))
    qtmodeltester.check(grid)


def test_samples_stand_row_by_row_and_places_at_the_end_stay_empty(table: SampleTable) -> None:
    grid = SampleGrid()
    grid.show_samples(table, table.rows(descending=True))
    grid.set_columns(3)
    assert (grid.rowCount(), grid.columnCount()) == (2, 3)
    assert grid.sample_at(grid.index(1, 0)) == 1
    assert grid.index_of(1) == grid.index(1, 0)
    assert grid.sample_at(grid.index(1, 2)) is None
    assert grid.flags(grid.index(1, 2)) == Qt.ItemFlag.NoItemFlags
    assert grid.flags(grid.index(0, 2)) & Qt.ItemFlag.ItemIsSelectable
    grid.set_columns(2)
    assert grid.index_of(1) == grid.index(1, 1)


def test_a_sample_that_is_not_shown_has_no_place(table: SampleTable) -> None:
    grid = SampleGrid()
    grid.show_samples(table, table.rows(classes={"mel"}))
    assert not grid.index_of(0).isValid()
    assert grid.index_of(2).isValid()


def test_a_screen_reader_hears_id_class_and_malignancy(table: SampleTable) -> None:
    grid = SampleGrid()
    grid.show_samples(table, table.rows())
    assert (
        grid.data(grid.index(1, 0), Qt.ItemDataRole.AccessibleTextRole)
        == "ISIC_0024307, Melanoma (malignant)"
    )
    assert grid.data(grid.index(0, 0)) == "ISIC_0024306, Melanocytic nevus"


def test_a_dataset_is_read_with_its_split_and_problems(small_ham: HamFolder, tmp_path: Path) -> None:
    small_ham.paths["ISIC_0000002"].write_text("no image")
    file = tmp_path / "ham.db"
    import_dataset(small_ham.root, file)
    with DatasetStore.open(file) as store:
        split_dataset(store, seed=3, fractions=(0.4, 0.3, 0.3))
    dataset = read_dataset(file)
    assert dataset.name == "ham"
    assert len(dataset.table) == 8 - 1
    assert dataset.table.malignant == ("bcc", "mel")
    assert [problem.kind for problem in dataset.problems] == ["undecodable"]
    assert dataset.certificate is not None
    assert dataset.certificate.sound
    assert not dataset.moved


def test_moved_images_are_noticed_and_found_again(small_ham: HamFolder, tmp_path: Path) -> None:
    file = tmp_path / "ham.db"
    import_dataset(small_ham.root, file)
    elsewhere = small_ham.root.rename(tmp_path / "elsewhere")
    assert read_dataset(file).moved
    with pytest.raises(DatasetError, match="does not hold the images"):
        relocate_dataset(file, tmp_path)
    relocate_dataset(file, elsewhere)
    found_again = read_dataset(file)
    assert not found_again.moved
    assert Path(found_again.table.paths[0]).is_file()


def test_a_folder_keeps_its_dataset_file_and_another_of_its_name_gets_its_own(tmp_path: Path) -> None:
    datasets = tmp_path / "datasets"
    datasets.mkdir()
    first, second = HamFolder(tmp_path / "a" / "images"), HamFolder(tmp_path / "b" / "images")
    for folder in (first, second):
        folder.add("mel")
        folder.add("nv")
        folder.write()
    own = dataset_file_for(first.root, datasets)
    assert own == datasets / "images.db"
    import_dataset(first.root, own)
    assert dataset_file_for(first.root, datasets) == own
    other = dataset_file_for(second.root, datasets)
    assert other == datasets / "images 2.db"
    import_dataset(second.root, other)
    assert dataset_file_for(second.root, datasets) == other
    assert (
        dataset_file_for(first.root / "HAM10000_metadata.csv", datasets) == datasets / "HAM10000_metadata.db"
    )


def test_a_damaged_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "images.db").write_bytes(b"something else")
    assert dataset_file_for(tmp_path / "images", tmp_path) == tmp_path / "images 2.db"


def test_whether_anything_was_imported_and_split(small_ham: HamFolder, tmp_path: Path) -> None:
    file = tmp_path / "ham.db"
    assert dataset_state(file) == (False, False)
    DatasetStore.create(file).close()
    assert dataset_state(file) == (False, False)
    import_dataset(small_ham.root, file)
    assert dataset_state(file) == (True, False)
    with DatasetStore.open(file) as store:
        split_dataset(store, fractions=(0.4, 0.3, 0.3))
    assert dataset_state(file) == (True, True)
