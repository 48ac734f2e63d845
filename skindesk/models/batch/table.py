"""The images of a folder as rows: filtered by words and kind, sorted by any column."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from skindesk.flag_words import flag_caption, flag_title
from skindesk.models.sorting import missing_last
from skindesk.verdict_words import headline
from trainer.batches.table import Row, is_correct
from trainer.dataset.classes.names import full_name
from trainer.predictions import Prediction
from trainer.wording import NOTHING, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from skindesk.models.batch.opening import OpenedFolder
    from trainer.batches.folder import FolderImage

Index: TypeAlias = QModelIndex | QPersistentModelIndex
Kind: TypeAlias = Literal["all", "above", "flagged", "wrong", "right", "unread", "waiting"]
"""Which images: all; those from the operating point on; flagged as unlike the training images; predicted wrongly or correctly, as far as the class is known; those that cannot be read;
those that have not been analysed."""

_NO_INDEX = QModelIndex()
_BEFORE = ("picture", "file", "predicted", "probability", "malignant")
_BEHIND = ("known", "correct")
_TEXTS = frozenset({"file", "predicted", "point", "known", "correct", "notes"})


class Entry(NamedTuple):
    """An image of the folder.

    Attributes:
        image: the file.
        name: relative to the folder.
        prediction: of it; `None` where it has not been analysed.
        correct: whether it is predicted correctly; `None` where that is not known.
    """

    image: FolderImage
    name: str
    prediction: Prediction | None = None
    correct: bool | None = None

    @property
    def flagged(self) -> bool:
        """Whether the prediction is not to be relied on."""
        return self.prediction is not None and self.prediction.in_distribution is False

    @property
    def answer(self) -> Prediction | None:
        """The prediction, if there is one that may be relied on."""
        found = self.prediction
        return None if found is None or found.error or self.flagged else found


class BatchTableModel(QAbstractTableModel):
    """Rows of the images that are looked for."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[str, ...] = ()
        self._entries: list[Entry] = []
        self._places: dict[str, int] = {}
        self._rows: list[int] = []
        self._words = ""
        self._kind: Kind = "all"
        self._column, self._falling = "file", False
        self.columns: tuple[str, ...] = (*_BEFORE, *_BEHIND, "notes")

    @property
    def entries(self) -> Sequence[Entry]:
        """All images of the folder."""
        return self._entries

    @property
    def shown(self) -> list[Entry]:
        """Those that are looked for, in the order shown."""
        return [self._entries[place] for place in self._rows]

    def at(self, row: int) -> Entry:
        """Return the image of a row."""
        return self._entries[self._rows[row]]

    def show_folder(self, opened: OpenedFolder | None) -> None:
        """Show the images of a folder, none of which has been analysed."""
        self.beginResetModel()
        self._classes = () if opened is None else opened.network.classes
        point = ("point",) if opened is not None and opened.has_point else ()
        classes = (f"class:{name}" for name in self._classes)
        self.columns = (*_BEFORE, *point, *_BEHIND, *classes, "notes")
        if self._column not in self.columns:
            self._column = "file"
        images = () if opened is None else opened.images
        root = "" if opened is None else str(opened.folder)
        self._entries = [self._entry(image, os.path.relpath(image.path, root)) for image in images]
        self._places = {entry.image.path: place for place, entry in enumerate(self._entries)}
        self._find()
        self.endResetModel()

    def _entry(self, image: FolderImage, name: str) -> Entry:
        return Entry(image, name, Prediction(path=image.path, error=image.error) if image.error else None)

    def add(self, predictions: Mapping[str, Prediction]) -> None:
        """Take predictions in, by path. While all images are shown, none moves until they are sorted again."""
        if not predictions:
            return
        for path, prediction in predictions.items():
            place = self._places[path]
            entry = self._entries[place]
            correct = is_correct(Row(prediction, entry.image.known_class), self._classes)
            self._entries[place] = entry._replace(prediction=prediction, correct=correct)
        if self._kind != "all" or self._words:
            self.refresh()
        elif self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(self.columns) - 1))

    def look_for(self, words: str, kind: Kind) -> None:
        """Show the images that hold these words, in their name or classes, and are of a kind."""
        if (words, kind) != (self._words, self._kind):
            self._words, self._kind = words, kind
            self.refresh()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; what is missing comes last either way."""
        self._column, self._falling = self.columns[column], order == Qt.SortOrder.DescendingOrder
        self.refresh()

    def refresh(self) -> None:
        """Look for images, and sort them, anew."""
        self.beginResetModel()
        self._find()
        self.endResetModel()

    def _find(self) -> None:
        wanted = self._words.casefold().split()
        found = [
            place
            for place, entry in enumerate(self._entries)
            if _is_of_kind(entry, self._kind) and (not wanted or _holds(entry, wanted))
        ]
        self._rows = missing_last(
            found, lambda place: self._value(self._entries[place], self._column), falling=self._falling
        )

    def _value(self, entry: Entry, column: str) -> str | float | None:
        """Return what an image is sorted by."""
        answer = entry.answer
        if column.startswith("class:"):
            return None if answer is None else answer.probabilities[column.removeprefix("class:")]
        values: dict[str, Callable[[], str | float | None]] = {
            "picture": lambda: entry.name,
            "file": lambda: entry.name,
            "predicted": lambda: None if answer is None else full_name(answer.predicted),
            "probability": lambda: None if answer is None else answer.probabilities[answer.predicted],
            "malignant": lambda: None if answer is None else answer.malignant_probability,
            "point": lambda: (
                None if answer is None or answer.above_threshold is None else float(answer.above_threshold)
            ),
            "known": lambda: full_name(entry.image.known_class) or None,
            "correct": lambda: None if entry.correct is None else float(entry.correct),
            "notes": lambda: _notes(entry) or None,
        }
        return values[column]()

    # --- for the view ------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        """Return the number of images shown."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NO_INDEX) -> int:
        """Return the number of facts shown of each."""
        return 0 if parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the headings and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        words, hint = self._heading(self.columns[section])
        if role == Qt.ItemDataRole.DisplayRole:
            return words
        if role == Qt.ItemDataRole.ToolTipRole:
            return hint
        if role == Qt.ItemDataRole.TextAlignmentRole:  # on the right stands the arrow of the sorted column
            return int((Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter).value)
        return None

    def _heading(self, column: str) -> tuple[str, str]:
        if column.startswith("class:"):
            name = column.removeprefix("class:")
            return name, self.tr("Probability of {class_name}").format(class_name=full_name(name))
        return {
            "picture": ("", ""),
            "file": (self.tr("File"), self.tr("File, within the folder")),
            "predicted": (self.tr("Predicted"), self.tr("Class that the network predicts")),
            "probability": (self.tr("Probability"), self.tr("Probability of the predicted class")),
            "malignant": (self.tr("Malignant"), self.tr("Probability of the malignant classes together")),
            "point": (
                self.tr("Operating point"),
                self.tr("Whether the image is flagged by the network's operating point"),
            ),
            "known": (self.tr("Known class"), self.tr("Class that the folder states for the image")),
            "correct": (self.tr("Result"), self.tr("Whether the prediction is the known class")),
            "notes": (self.tr("Notes"), self.tr("Warnings about the image, or why it cannot be read")),
        }[column]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return what is shown of an image."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        entry, column = self.at(index.row()), self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(entry, column)
        if role == Qt.ItemDataRole.AccessibleTextRole and column == "picture":
            return entry.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._hint(entry, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if column in _TEXTS else Qt.AlignmentFlag.AlignRight
            return int((side | Qt.AlignmentFlag.AlignVCenter).value)
        return None

    def _text(self, entry: Entry, column: str) -> str:
        answer = entry.answer
        if column.startswith("class:"):
            return NOTHING if answer is None else percent(answer.probabilities[column.removeprefix("class:")])
        texts: dict[str, Callable[[], str]] = {
            "picture": str,
            "file": lambda: entry.name,
            "predicted": lambda: self._predicted(entry),
            "probability": lambda: (
                NOTHING if answer is None else percent(answer.probabilities[answer.predicted])
            ),
            "malignant": lambda: NOTHING if answer is None else percent(answer.malignant_probability),
            "point": lambda: {None: NOTHING, True: self.tr("Above"), False: self.tr("Below")}[
                None if answer is None else answer.above_threshold
            ],
            "known": lambda: full_name(entry.image.known_class),
            "correct": lambda: {None: "", True: self.tr("Right"), False: self.tr("Wrong")}[entry.correct],
            "notes": lambda: _notes(entry),
        }
        return texts[column]()

    def _predicted(self, entry: Entry) -> str:
        found = entry.prediction
        if found is None:
            return NOTHING
        if found.error:
            return self.tr("Cannot be read")
        return flag_caption(found) or full_name(found.predicted)

    def _hint(self, entry: Entry, column: str) -> str | None:
        found = entry.prediction
        if column == "predicted" and entry.flagged and found is not None:
            share = percent(found.probabilities[found.predicted])
            return self.tr("{reason}. The network would say {class_name}, {share}.").format(
                reason=flag_title(found), class_name=full_name(found.predicted), share=share
            )
        if column == "point" and entry.answer is not None and entry.answer.operating_point is not None:
            return headline(entry.answer.operating_point)
        return (self._text(entry, column) if column in _TEXTS else entry.name) or None


def _is_of_kind(entry: Entry, kind: Kind) -> bool:
    found = entry.prediction
    return {
        "all": True,
        "above": entry.answer is not None and entry.answer.above_threshold is True,
        "flagged": entry.flagged,
        "wrong": entry.correct is False,
        "right": entry.correct is True,
        "unread": found is not None and bool(found.error),
        "waiting": found is None,
    }[kind]


def _holds(entry: Entry, words: Sequence[str]) -> bool:
    answer = entry.answer
    classes = (entry.image.known_class, answer.predicted if answer is not None else "")
    text = " ".join([entry.name, *classes, *map(full_name, classes)]).casefold()
    return all(word in text for word in words)


def _notes(entry: Entry) -> str:
    found = entry.prediction
    return "" if found is None else found.error or " ".join(found.warnings)
