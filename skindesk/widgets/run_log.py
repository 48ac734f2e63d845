"""What a run has said, line by line with the time; warnings and errors stand out."""

from __future__ import annotations

import contextlib
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from PySide6.QtCore import QCoreApplication, QEvent, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from skindesk.metric_words import name_of
from skindesk.widgets.theme import emphasised, tokens_for
from trainer.events import (
    CheckpointSaved,
    CostEstimated,
    EpochEnded,
    Failed,
    Finished,
    Said,
    StageEnded,
    StageStarted,
    Stopped,
    Warned,
)
from trainer.metrics.catalogue import ACCURACY, BALANCED_ACCURACY
from trainer.wording import duration, file_size, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from PySide6.QtGui import QResizeEvent

    from skindesk.models.runs.live import LogEntry
    from trainer.events import AnyEvent

Level: TypeAlias = Literal["note", "warning", "error"]

_MOST_LINES = 5_000
_AT_ONCE = 50  # lines, some 10 ms


def _text(text: str) -> str:
    return QCoreApplication.translate("RunLog", text)


def level_of(event: AnyEvent) -> Level:
    """Return how much an event stands out."""
    if isinstance(event, Failed):
        return "error"
    return "warning" if isinstance(event, Warned | Stopped) else "note"


def sentence(entry: LogEntry) -> str:
    """Return an event in words; epochs are counted over all stages, as everywhere in the window."""
    match entry.event:
        case Said(message=message) | Warned(message=message) | Failed(message=message):
            words = message
        case Stopped():
            words = _text("Stopped; the progress so far is saved.")
        case Finished(summary=summary):
            words = _text("Finished. {summary}").format(summary=summary)
        case CheckpointSaved():
            words = _text("Checkpoint saved")
        case StageEnded(stage=stage, reason=reason):
            words = _text("Stage {stage} ended: {reason}").format(stage=stage, reason=reason)
        case StageStarted():
            words = _stage(entry.event, entry.epoch)
        case EpochEnded():
            words = _epoch(entry.event, entry.epoch)
        case CostEstimated():
            words = cost_in_words(entry.event)
        case _:
            words = ""
    return words


def line_of(entry: LogEntry) -> tuple[str, str]:
    """Return a line of the log: when it was said, with the day if that is not today, and what; either may be empty."""
    mark = {"note": "", "warning": _text("Warning: "), "error": _text("Error: ")}[level_of(entry.event)]
    words = sentence(entry)
    if not entry.at:
        return "", words and mark + words
    moment, now = datetime.fromtimestamp(entry.at).astimezone(), datetime.now().astimezone()
    day = "" if moment.date() == now.date() else f"{moment:%Y-%m-%d} "
    return f"{day}{moment:%H:%M:%S}  ", words and mark + words


def cost_in_words(cost: CostEstimated) -> str:
    """Return what a run will take: "4,188 training images, 1,310 steps, about 62 min, up to 620 MiB of disk"."""
    return _text("{images} training images, {steps} steps, about {time}, up to {size} of disk").format(
        images=f"{cost.training_images:,}",
        steps=f"{cost.steps:,}",
        time=duration(cost.seconds),
        size=file_size(cost.disk_bytes),
    )


def _stage(event: StageStarted, done: int) -> str:
    begun = _text("Stage {stage} resumes after epoch {epoch}") if event.epoch else _text("Stage {stage}")
    return (begun + _text(": {epochs} epochs of {steps} steps, {parameters} trainable parameters")).format(
        stage=event.stage,
        epoch=done,
        epochs=event.epochs,
        steps=f"{event.steps_per_epoch:,}",
        parameters=f"{event.trainable_parameters:,}",
    )


def _epoch(event: EpochEnded, epoch: int) -> str:
    words = _text(
        "Epoch {epoch}, stage {stage}: validation loss {loss}, {balanced} {recall}, {accuracy} {share}"
    ).format(
        epoch=epoch,
        stage=event.stage,
        loss=f"{event.validation.loss:.3f}",
        balanced=name_of(BALANCED_ACCURACY),
        recall=percent(event.validation.macro_recall),
        accuracy=name_of(ACCURACY),
        share=percent(event.validation.accuracy),
    )
    return words + _text(", the best so far") if event.best else words


class RunLog(QPlainTextEdit):
    """Lines of a run, the latest below; they can be selected and copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setMaximumBlockCount(_MOST_LINES)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setAccessibleName(self.tr("Log"))
        self._entries: deque[LogEntry] = deque(maxlen=_MOST_LINES)
        self._unwritten: deque[LogEntry] = deque(maxlen=_MOST_LINES)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._write_some)

    def clear(self) -> None:
        """Forget all lines."""
        self._entries.clear()
        self._unwritten.clear()
        super().clear()

    def add(self, entries: Iterable[LogEntry]) -> None:
        """Add lines, thousands of them bit by bit."""
        added = list(entries)
        self._entries.extend(added)
        self._unwritten.extend(added)
        if not self._timer.isActive():
            self._write_some()

    def copy_all(self) -> None:
        """Put all lines on the clipboard."""
        lines = map(line_of, self._entries)
        QGuiApplication.clipboard().setText("\n".join(moment + words for moment, words in lines if words))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stay at the end."""
        with self._staying_at_end():
            super().resizeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Colour all lines anew for another scheme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._entries:
            entries = list(self._entries)
            self.clear()
            self.add(entries)

    def _write_some(self) -> None:
        with self._staying_at_end():
            cursor = QTextCursor(self.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.beginEditBlock()
            for _ in range(min(_AT_ONCE, len(self._unwritten))):
                self._write(cursor, self._unwritten.popleft())
            cursor.endEditBlock()
        if self._unwritten:
            self._timer.start(0)

    @contextlib.contextmanager
    def _staying_at_end(self) -> Iterator[None]:
        """Show the last line afterwards if it is shown now; who has scrolled up stays where they are."""
        bar = self.verticalScrollBar()
        at_end = bar.value() >= bar.maximum()
        yield
        if at_end:
            bar.setValue(bar.maximum())

    def _write(self, cursor: QTextCursor, entry: LogEntry) -> None:
        moment, words = line_of(entry)
        if not words:
            return
        tokens = tokens_for(QGuiApplication.palette())
        aside, body = QTextCharFormat(), QTextCharFormat()
        aside.setForeground(tokens.muted)
        level = level_of(entry.event)
        body.setForeground({"note": tokens.text, "warning": tokens.warning, "error": tokens.danger}[level])
        body.setFont(self.font() if level == "note" else emphasised(self.font()))
        if not self.document().isEmpty():
            cursor.insertBlock()
        cursor.insertText(moment, aside)
        cursor.insertText(words, body)
