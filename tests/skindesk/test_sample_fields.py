"""A fact of samples is declared once: what is declared is read, stored, found, corrected and shown."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from skindesk.models.dataset.files import read_dataset
from skindesk.models.dataset.query import QueryError, parse_query
from skindesk.widgets.samples.details import SampleDetails
from trainer.dataset import fields
from trainer.dataset.fields import Field
from trainer.dataset.importing import import_dataset
from trainer.dataset.schema import SCHEMA_VERSION
from trainer.dataset.store import DatasetStore
from trainer.errors import DatasetError

if TYPE_CHECKING:
    from pathlib import Path

    from skindesk.models.dataset.samples import SampleTable
    from tests.drawn import HamFolder

SKIN = Field(
    name="skin_type",
    title="Skin type",
    columns=("fitzpatrick",),
    words={"II": "II, fair"},
    query=("skin", "fitzpatrick"),
)
WIDTH = Field(
    name="diameter",
    title="Diameter",
    kind="number",
    unit="mm",
    most=300.0,
    columns=("diameter",),
    query=("mm",),
)


def declare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "FACTS", (*fields.FACTS, SKIN, WIDTH))


def found(table: SampleTable, text: str) -> list[int]:
    query = parse_query(text)
    assert query is not None
    return [int(row) for row in np.flatnonzero(query.matches(table))]


def shown(details: SampleDetails) -> str:
    return "\n".join(label.text() for label in details.findChildren(QLabel) if label.isVisibleTo(details))


@pytest.fixture
def folder(ham: HamFolder, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("mel", "nv", "bcc"):
        ham.add(name)
    added = [("II", "6.5"), ("V", "a lot"), ("", "")]
    ham.rows = [(*row, *cells) for row, cells in zip(ham.rows, added, strict=True)]
    monkeypatch.setattr(ham, "COLUMNS", (*ham.COLUMNS, "Fitzpatrick", "Diameter"))
    return ham.write()


@pytest.mark.usefixtures("settings")
def test_a_fact_that_is_declared_goes_from_the_table_to_the_window(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    file = tmp_path / "data.db"
    import_dataset(folder, file)
    with pytest.raises(QueryError, match="no field “skin”"):
        parse_query("skin = II")
    declare(monkeypatch)
    details = SampleDetails()
    qtbot.addWidget(details)

    older = read_dataset(file).table  # which has no such columns yet, and is only read
    assert found(older, "skin = unknown and mm = unknown") == [0, 1, 2]
    details.show_sample(older, 0, None)
    assert "Skin type" not in shown(details)

    report = import_dataset(folder, file)
    assert (report.updated, report.unchanged, report.problem_kinds) == (2, 1, {"odd-value": 1})
    dataset = read_dataset(file)
    table = dataset.table
    assert "'a lot' is not a valid diameter" in dataset.problems[0].reason
    for text, rows in (
        ("skin = II", [0]),
        ("fitzpatrick ~ v", [1]),
        ("fair", [0]),
        ("skin = unknown", [2]),
        ("mm > 6 and mm <= 6.5", [0]),
        ("mm = unknown", [1, 2]),
    ):
        assert found(table, text) == rows, text
    details.show_sample(table, 0, None)
    assert "Skin type\nII, fair" in shown(details)
    assert "Diameter\n6.5 mm" in shown(details)
    details.show_sample(table, 2, None)
    assert "Skin type\nunknown" in shown(details)


def test_a_fact_that_is_declared_can_be_corrected(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(monkeypatch)
    file = tmp_path / "data.db"
    import_dataset(folder, file)
    with DatasetStore.open(file) as store:
        store.edit(["ISIC_0000002"], skin_type="I", diameter=4)
        assert store.frame()[["skin_type", "diameter"]].to_numpy().tolist()[2] == ["I", 4.0]
        with pytest.raises(
            DatasetError, match="301 is not a valid diameter; give mm from 0 to 300, or nothing"
        ):
            store.edit(["ISIC_0000002"], diameter=301)
    import_dataset(folder, file)
    with DatasetStore.open(file) as store:
        assert store.frame()["skin_type"].tolist() == ["II", "V", "I"]
        store.undo()
        assert store.frame()["skin_type"].tolist() == ["II", "V", None]


def test_a_column_that_a_file_lacks_is_added_when_it_is_written_to(
    small_ham: HamFolder, tmp_path: Path
) -> None:
    file = tmp_path / "data.db"
    import_dataset(small_ham.root, file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE samples DROP COLUMN dx_type")
    with DatasetStore.open(file, read_only=True) as store:
        assert store.frame()["dx_type"].isna().all()
    DatasetStore.open(file).close()
    with closing(sqlite3.connect(file)) as connection:
        columns = {
            name: kind for _place, name, kind, *_rest in connection.execute("PRAGMA table_info(samples)")
        }
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert columns["dx_type"] == "TEXT"
    assert import_dataset(small_ham.root, file).updated == 8
