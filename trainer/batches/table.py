"""The tables that come of many predictions: CSV, JSON and a workbook, each of which names the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from trainer import RESEARCH_ONLY
from trainer.errors import StorageError
from trainer.files import atomic_path, explained, write_bytes, write_text
from trainer.predictions import as_document, table_columns, table_row, yes_or_no
from trainer.runs.bundle import bundle_hash, read_manifest
from trainer.runs.naming import read_name
from trainer.sentences import visible
from trainer.tables import as_csv, spreadsheet_safe
from trainer.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from openpyxl.cell.cell import Cell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

    from trainer.predictions import Prediction

CSV_FILE = "predictions.csv"
JSON_FILE = "predictions.json"
WORKBOOK_FILE = "predictions.xlsx"

MOST_ROWS = 1_048_575
"""Of a sheet of a workbook, beside its head."""

_OWN_COLUMNS = ("known_class", "correct", "network", "bundle", "note")
_FORMAT_VERSION = 1
_LONGEST_CELL = 32_767  # characters, in every spreadsheet
_WIDEST = 60
_WIDTHS = {"path": 48, "warnings": _WIDEST, "error": _WIDEST, "note": _WIDEST}
_USUAL_WIDTH = 14


class NetworkFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a table says of its network.

    Attributes:
        name: of its run, or of its folder.
        bundle: twelve digits of the bundle's hash.
        classes, malignant: names.
        prior: a sentence on the class frequencies that the probabilities assume.
        decision_rule: a sentence on how `predicted` follows from them.
    """

    name: str
    bundle: str
    classes: tuple[str, ...]
    malignant: tuple[str, ...]
    prior: str
    decision_rule: str


class Row(NamedTuple):
    """An image of a table.

    Attributes:
        prediction: of the image; its path is the file's.
        known_class: that its folder gives it; empty where it gives none.
    """

    prediction: Prediction
    known_class: str = ""


class Counts(NamedTuple):
    """How many images of a table are what.

    Attributes:
        images: all.
        unreadable: those with an error in place of a prediction.
        flagged: those that are not to be relied on.
        known: those with a known class that the network has, and a prediction.
        correct: those of them that are predicted correctly.
    """

    images: int
    unreadable: int
    flagged: int
    known: int
    correct: int

    def describe(self) -> str:
        """Say it in a few clauses."""
        parts = [counted(self.images, "image", "images")]
        if self.unreadable:
            parts.append(f"{self.unreadable:,} cannot be read")
        if self.flagged:
            parts.append(f"{self.flagged:,} flagged as not to be relied on")
        if self.known:
            parts.append(f"{self.correct:,} of {self.known:,} with a known class are right")
        return "; ".join(parts)


def network_facts(bundle: Path) -> NetworkFacts:
    """Return what a table says of a bundle.

    Raises:
        BundleError: the folder is no bundle, or its manifest is changed, damaged or too new.
    """
    manifest = read_manifest(bundle)
    folder = bundle.absolute()
    return NetworkFacts(
        name=read_name(folder.parent if folder.name == "bundle" else folder),
        bundle=bundle_hash(bundle),
        classes=manifest.classes,
        malignant=manifest.malignant,
        prior=manifest.calibration.describe_prior(),
        decision_rule=manifest.calibration.describe_rule(),
    )


def is_correct(row: Row, classes: Sequence[str]) -> bool | None:
    """Return whether an image is predicted correctly; `None` without a prediction, or a class that the network knows."""
    if row.prediction.error or row.known_class not in classes:
        return None
    return row.prediction.predicted == row.known_class


def count(rows: Iterable[Row], classes: Sequence[str]) -> Counts:
    """Count the images of a table."""
    images = unreadable = flagged = known = right = 0
    for row in rows:
        images += 1
        unreadable += bool(row.prediction.error)
        flagged += row.prediction.in_distribution is False
        correct = is_correct(row, classes)
        known += correct is not None
        right += bool(correct)
    return Counts(images, unreadable, flagged, known, right)


def write_tables(folder: Path, network: NetworkFacts, rows: Sequence[Row]) -> None:
    """Write the three tables into a folder.

    Raises:
        StorageError: one cannot be written, or there are more images than a sheet has rows; CSV and JSON are written
            before that is said.
    """
    write_csv(folder / CSV_FILE, network, rows)
    write_json(folder / JSON_FILE, network, rows)
    write_workbook(folder / WORKBOOK_FILE, network, rows)


def write_csv(file: Path, network: NetworkFacts, rows: Sequence[Row]) -> None:
    """Write a table as CSV, a row an image.

    Raises:
        StorageError: it cannot be written.
    """
    write_text(file, as_csv(_columns(network), (_cells(row, network) for row in rows)))


def write_json(file: Path, network: NetworkFacts, rows: Sequence[Row]) -> None:
    """Write a table as one JSON document.

    Raises:
        StorageError: it cannot be written.
    """
    document = {
        "format_version": _FORMAT_VERSION,
        "network": network,
        "research_only": RESEARCH_ONLY,
        **count(rows, network.classes)._asdict(),
        "predictions": [_document(row, network) for row in rows],
    }
    write_bytes(file, msgspec.json.format(msgspec.json.encode(document), indent=2))


def write_workbook(file: Path, network: NetworkFacts, rows: Sequence[Row]) -> None:
    """Write a table as a workbook: a sheet of predictions, and one about the network.

    Raises:
        StorageError: it cannot be written, or there are more images than a sheet has rows.
    """
    from openpyxl import Workbook
    from openpyxl.utils import get_column_letter

    if len(rows) > MOST_ROWS:
        raise StorageError(
            f"Cannot write {file}: a sheet has room for {MOST_ROWS:,} images, and there are {len(rows):,}; use the CSV "
            "table."
        )
    book = Workbook(write_only=True)
    columns = _columns(network)
    numbers = {*network.classes, "malignant_probability"}
    sheet = book.create_sheet("Predictions")
    _set_widths(sheet, [_WIDTHS.get(name, _USUAL_WIDTH) for name in columns])
    sheet.freeze_panes = "B2"
    sheet.append(_head(sheet, columns))
    for row in rows:
        cells = zip(columns, _cells(row, network), strict=True)
        sheet.append(
            [
                _share(sheet, text) if name in numbers and text else _text(sheet, text) if text else None
                for name, text in cells
            ]
        )
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{len(rows) + 1}"
    about = book.create_sheet("Network")
    _set_widths(about, [_USUAL_WIDTH * 2, 100])
    for name, text in _about(network, rows).items():
        about.append([_text(about, name), _text(about, text)])
    with atomic_path(file) as temporary, explained(file):
        book.save(temporary)


def _columns(network: NetworkFacts) -> list[str]:
    return [*table_columns(network.classes), *_OWN_COLUMNS]


def _cells(row: Row, network: NetworkFacts) -> list[str]:
    correct = yes_or_no(is_correct(row, network.classes))
    own = [row.known_class, correct, network.name, network.bundle, RESEARCH_ONLY]
    return [*table_row(row.prediction.path, row.prediction, network.classes), *own]


def _document(row: Row, network: NetworkFacts) -> dict[str, Any]:
    document = as_document(row.prediction)
    if row.known_class:
        document["known_class"] = row.known_class
        document["correct"] = is_correct(row, network.classes)
    return document


def _about(network: NetworkFacts, rows: Sequence[Row]) -> Mapping[str, str]:
    return {
        "Network": network.name,
        "Bundle": network.bundle,
        "Classes": ", ".join(network.classes),
        "Malignant classes": ", ".join(network.malignant) or "none marked",
        "Probabilities": network.prior,
        "Predicted class": network.decision_rule,
        "Images": count(rows, network.classes).describe(),
        "Note": RESEARCH_ONLY,
    }


def _set_widths(sheet: WriteOnlyWorksheet, widths: Sequence[int]) -> None:
    from openpyxl.utils import get_column_letter

    for number, width in enumerate(widths, start=1):
        dimensions = sheet.column_dimensions  # type: ignore[attr-defined] # not in the stubs
        dimensions[get_column_letter(number)].width = width


def _head(sheet: WriteOnlyWorksheet, columns: Sequence[str]) -> Iterator[Cell]:
    from openpyxl.styles import Font

    for name in columns:
        cell = _text(sheet, name)
        cell.font = Font(bold=True)
        yield cell


def _text(sheet: WriteOnlyWorksheet, text: str) -> Cell:
    """Return a cell that is text, whatever it looks like."""
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, visible(text, lines=True)[:_LONGEST_CELL])
    cell.data_type = "s"
    # What a spreadsheet notes where a user types an apostrophe: the text is no formula after it was edited, either.
    cell.quotePrefix = spreadsheet_safe(text) != text
    return cell


def _share(sheet: WriteOnlyWorksheet, text: str) -> Cell:
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, float(text))
    cell.number_format = "0.0%"
    return cell
