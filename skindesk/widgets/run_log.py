"""What a run has said, line by line with the time; warnings and errors stand out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QGuiApplication, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from skindesk.widgets.quantities import counted, duration, file_size, percent
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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skindesk.models.live_run import LogEntry
    from trainer.events import AnyEvent

Level: TypeAlias = Literal["note", "warning", "error"]

_MOST_LINES = 5_000


def _text(text: str) -> str:
    return QCoreApplication.translate("RunLog", text)


def level_of(event: AnyEvent) -> Level:
    """Return how much an event stands out."""
    if isinstance(event, Failed):
        return "error"
    return "warning" if isinstance(event, Warned | Stopped) else "note"


def sentence(event: AnyEvent) -> str:
    """Return an event in words."""
    match event:
        case Said(message=message) | Warned(message=message) | Failed(message=message):
            words = message
        case Stopped():
            words = _text("Stopped; what was done is saved.")
        case Finished(summary=summary):
            words = _text("Finished. {summary}").format(summary=summary)
        case CheckpointSaved():
            words = _text("Checkpoint saved")
        case StageEnded(stage=stage, reason=reason):
            words = _text("Stage {stage} ended: {reason}").format(stage=stage, reason=reason)
        case StageStarted():
            words = _stage(event)
        case EpochEnded():
            words = _epoch(event)
        case CostEstimated():
            words = cost_in_words(event)
        case _:
            words = ""
    return words


def cost_in_words(cost: CostEstimated) -> str:
    """Return what a run will take: "4,188 training images, 1,310 steps, about 62 min, up to 620 MiB of disk"."""
    return _text("{images} training images, {steps} steps, about {time}, up to {size} of disk").format(
        images=counted(cost.training_images),
        steps=counted(cost.steps),
        time=duration(cost.seconds),
        size=file_size(cost.disk_bytes),
    )


def _stage(event: StageStarted) -> str:
    begun = _text("Stage {stage} goes on after epoch {epoch}") if event.epoch else _text("Stage {stage}")
    return (begun + _text(": {epochs} epochs of {steps} steps, {parameters} trainable parameters")).format(
        stage=event.stage,
        epoch=event.epoch,
        epochs=event.epochs,
        steps=counted(event.steps_per_epoch),
        parameters=counted(event.trainable_parameters),
    )


def _epoch(event: EpochEnded) -> str:
    words = _text(
        "Epoch {epoch} of stage {stage}: validation loss {loss}, macro recall {recall}, accuracy {accuracy}"
    ).format(
        epoch=event.epoch,
        stage=event.stage,
        loss=f"{event.validation.loss:.3f}",
        recall=percent(event.validation.macro_recall),
        accuracy=percent(event.validation.accuracy),
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
        self._entries: list[LogEntry] = []

    def clear(self) -> None:
        """Forget all lines."""
        self._entries = []
        super().clear()

    def add(self, entries: Sequence[LogEntry]) -> None:
        """Add lines; who has scrolled up stays where they are."""
        bar = self.verticalScrollBar()
        at_end = bar.value() >= bar.maximum()
        self._entries = [*self._entries, *entries][-_MOST_LINES:]
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        for entry in entries:
            self._write(cursor, entry)
        cursor.endEditBlock()
        if at_end:
            bar.setValue(bar.maximum())

    def copy_all(self) -> None:
        """Put all lines on the clipboard."""
        QGuiApplication.clipboard().setText(self.toPlainText())

    def changeEvent(self, event: QEvent) -> None:
        """Colour all lines anew for another scheme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._entries:
            entries = self._entries
            self.clear()
            self.add(entries)

    def _write(self, cursor: QTextCursor, entry: LogEntry) -> None:
        words = sentence(entry.event)
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
        moment = datetime.fromtimestamp(entry.at).astimezone()
        cursor.insertText(f"{moment:%H:%M:%S}  ", aside)
        mark = {"note": "", "warning": self.tr("Warning: "), "error": self.tr("Error: ")}[level]
        cursor.insertText(mark + words, body)
