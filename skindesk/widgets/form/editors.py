"""Fields for single settings: each shows a value, and reads what a person has made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QLineEdit, QSlider, QWidget

from skindesk.models.runs.config_words import parse_number, range_in_words, show_number, translated, with_unit
from skindesk.widgets.basics import muted
from skindesk.widgets.theme import SPACE
from skindesk.widgets.wheel import wheel_needs_focus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.config.declaring import Step
    from trainer.config.fields import Field, Value

_NUMBER_WIDTH = 76  # pixels; seven digits
_ADDED: dict[Step, float] = {"one": 1.0, "ten": 10.0, "tenth": 0.1, "hundredth": 0.01}


class RefusedError(ValueError):
    """What stands in a field is no value of its setting; the message is a sentence for under the field."""


class Editor(QWidget):
    """Base of all fields.

    Signals:
        edited: a person has changed something.
        focused: the keys go here now.
    """

    edited = Signal()
    focused = Signal()

    def show_value(self, value: Value) -> None:
        """Show a value, without saying `edited`."""
        raise NotImplementedError

    def read(self) -> Value:
        """Return the value.

        Raises:
            RefusedError: what was entered is none.
        """
        raise NotImplementedError

    def set_refused(self, refused: bool) -> None:
        """Show or hide that what stands here is no value."""

    def watch(self, widget: QWidget, name: str, tip: str) -> None:
        """Give the part that takes the keys its name and tooltip, and notice its focus."""
        widget.setAccessibleName(name)
        widget.setAccessibleDescription(tip)
        widget.setToolTip(tip)
        widget.installEventFilter(self)
        self.setFocusProxy(widget)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice the focus."""
        if isinstance(event, QFocusEvent) and event.type() == QEvent.Type.FocusIn:
            self.focused.emit()
        return super().eventFilter(watched, event)


class NumberEditor(Editor):
    """A number, typed or moved by the arrow keys.

    Args:
        field: with its range, unit, scale and step.
        name: for screen readers.
        tip: what it does.
        empty: shown where there is no value, if that is allowed.
    """

    def __init__(self, field: Field, name: str, tip: str, *, empty: str = "") -> None:
        super().__init__()
        self._field = field
        self._scale, self._step = field.about.scale, field.about.step
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        self.line = QLineEdit()
        self.line.setFixedWidth(_NUMBER_WIDTH)
        self.line.setPlaceholderText(empty)
        self.line.textEdited.connect(lambda _text: self.edited.emit())
        layout.addWidget(self.line)
        if field.about.unit:
            layout.addWidget(muted(translated(field.about.unit)))
        layout.addStretch(1)
        self.watch(self.line, name, tip)

    def show_value(self, value: Value) -> None:
        """Show a number, or nothing for `None`; what already says the same is left as it was typed."""
        text = "" if value is None else show_number(_number(value), self._scale)
        if not self.line.hasFocus() or self._parsed() != value:
            self.line.setText(text)

    def read(self) -> Value:
        """Return the number, or `None` where the field is empty and may be."""
        if not self.line.text().strip() and self._field.optional:
            return None
        number = self._parsed()
        if number is None:
            raise RefusedError(range_in_words(self._field))
        return number

    def set_refused(self, refused: bool) -> None:
        """Draw the field's frame in the colour of errors, or not."""
        _mark(self.line, refused)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the arrow keys move the number."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            ways = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}
            if event.key() in ways:
                self._move(ways[Qt.Key(event.key())])
                return True
        return super().eventFilter(watched, event)

    def _parsed(self) -> float | None:
        return parse_number(self.line.text(), self._field)

    def _move(self, way: int) -> None:
        number = self._parsed()
        if number is None:
            return
        if self._step == "double" and number:
            moved = number * 2.0**way
        else:
            moved = number + way * _ADDED.get(self._step, 1.0) / self._scale
        text = show_number(round(moved, 12), self._scale)
        if parse_number(text, self._field) is not None:
            self.line.setText(text)
            self.edited.emit()


class SizesEditor(Editor):
    """Several whole numbers with commas between, or none."""

    def __init__(self, field: Field, name: str, tip: str) -> None:
        super().__init__()
        self._field = field
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.line = QLineEdit()
        self.line.setPlaceholderText(self.tr("none"))
        self.line.textEdited.connect(lambda _text: self.edited.emit())
        layout.addWidget(self.line)
        self.watch(self.line, name, tip)

    def show_value(self, value: Value) -> None:
        """Show the numbers."""
        text = ", ".join(str(size) for size in value) if isinstance(value, tuple) else ""
        if not self.line.hasFocus():
            self.line.setText(text)

    def read(self) -> Value:
        """Return the numbers."""
        sizes = []
        for word in self.line.text().replace(";", ",").split(","):
            if not word.strip():
                continue
            size = parse_number(word, self._field)
            if size is None:
                sentence = self.tr(
                    "Enter whole numbers from 1 to 8,192 separated by commas, or leave it empty."
                )
                raise RefusedError(sentence)
            sizes.append(int(size))
        return tuple(sizes)

    def set_refused(self, refused: bool) -> None:
        """Draw the field's frame in the colour of errors, or not."""
        _mark(self.line, refused)


class SwitchEditor(Editor):
    """Yes or no."""

    def __init__(self, title: str, tip: str) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.box = QCheckBox(title)
        self.box.clicked.connect(lambda _checked: self.edited.emit())
        layout.addWidget(self.box)
        layout.addStretch(1)
        self.watch(self.box, title, tip)

    def show_value(self, value: Value) -> None:
        """Tick the box, or not."""
        self.box.setChecked(bool(value))

    def read(self) -> Value:
        """Return whether it is ticked."""
        return self.box.isChecked()


class ChoiceEditor(Editor):
    """One of a few values.

    Args:
        options: values and words.
        name: for screen readers.
        tip: what it does.
    """

    def __init__(self, options: Sequence[tuple[Value, str]], name: str, tip: str) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.box = wheel_needs_focus(QComboBox())
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.activated.connect(lambda _index: self.edited.emit())
        layout.addWidget(self.box, 1)
        self.watch(self.box, name, tip)
        self._values: list[Value] = []
        self.set_options(options)

    def set_options(self, options: Sequence[tuple[Value, str]]) -> None:
        """Offer other values; the first holds until another is shown."""
        self._values = [value for value, _ in options]
        self.box.clear()
        self.box.addItems([words for _, words in options])
        self.box.view().setMinimumWidth(self.box.view().sizeHintForColumn(0) + 3 * SPACE)

    def show_value(self, value: Value) -> None:
        """Choose a value; one that is not offered is added."""
        if value not in self._values:
            self._values.append(value)
            self.box.addItem(str(value))
        self.box.setCurrentIndex(self._values.index(value))

    def read(self) -> Value:
        """Return the value that holds."""
        return self._values[self.box.currentIndex()]


class SliderEditor(Editor):
    """A number between two bounds, by a slider."""

    def __init__(self, field: Field, name: str, tip: str) -> None:
        super().__init__()
        scale, unit = field.about.scale, translated(field.about.unit)
        self._unit, self._scale = unit, scale
        self._exact: float | None = None
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        self.slider = wheel_needs_focus(QSlider(Qt.Orientation.Horizontal))
        self.slider.setRange(round(field.lowest * scale), round(field.highest * scale))
        self.slider.setPageStep(10)
        self.slider.valueChanged.connect(self._on_moved)
        layout.addWidget(self.slider, 1)
        self._label = QLabel()
        self._label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        widest = with_unit(show_number(field.highest, scale), unit)
        self._label.setFixedWidth(self._label.fontMetrics().horizontalAdvance(widest) + SPACE)
        layout.addWidget(self._label)
        self.watch(self.slider, name, tip)

    def show_value(self, value: Value) -> None:
        """Put the slider at the nearest place; the value itself is kept until the slider is moved."""
        self._exact = _number(value)
        self.slider.blockSignals(True)
        self.slider.setValue(round(self._exact * self._scale))
        self.slider.blockSignals(False)
        self._label.setText(with_unit(show_number(self._exact, self._scale), self._unit))

    def read(self) -> Value:
        """Return the value."""
        return self._exact if self._exact is not None else self.slider.value() / self._scale

    def _on_moved(self, place: int) -> None:
        self._exact = place / self._scale
        self._label.setText(with_unit(show_number(self._exact, self._scale), self._unit))
        self.edited.emit()


def _number(value: Value) -> float:
    assert isinstance(value, int | float)
    return value


def _mark(line: QLineEdit, refused: bool) -> None:
    if bool(line.property("invalid")) != refused:
        line.setProperty("invalid", refused)
        line.style().unpolish(line)
        line.style().polish(line)
