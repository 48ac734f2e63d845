"""A form made from the settings of a run: types and ranges from `trainer.config`, words from the same.

It edits a `RunConfig`: every change of a field gives a new one. What a field cannot take stands below it as a
sentence, and the form has a problem until that is mended.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from skindesk.metric_words import title_of
from skindesk.models.runs.config_words import fields_of, shown_fields, translated
from skindesk.widgets.basics import muted
from skindesk.widgets.form.editors import (
    ChoiceEditor,
    Editor,
    NumberEditor,
    RefusedError,
    SizesEditor,
    SliderEditor,
    SwitchEditor,
)
from skindesk.widgets.form.weights_editor import WeightsEditor
from skindesk.widgets.icons import icon
from skindesk.widgets.theme import SPACE, class_label, set_role, tokens_for
from trainer.backbones import get_backbone
from trainer.config import RunConfig, check_config
from trainer.config.declaring import GROUP_TITLES
from trainer.config.fields import value_at, with_value
from trainer.errors import ConfigError
from trainer.metrics.catalogue import OF_AN_EPOCH

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from skindesk.settings import Settings
    from trainer.config import BackboneName, StageName
    from trainer.config.declaring import Group
    from trainer.config.fields import Field, Value

WHOLE = ""
"""The place of a problem that belongs to no single field."""

_FIELD_WIDTH = 200  # pixels; two numbers with their units, or a choice in words


class ErrorLine(QLabel):
    """A sentence below a field, in the colour of errors; hidden while there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.hide()
        self._dress()

    def say(self, sentence: str) -> None:
        """Show a sentence; an empty one hides the line."""
        self.setText(sentence)
        self.setVisible(bool(sentence))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the scheme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()

    def _dress(self) -> None:
        sheet = f"color: {tokens_for(self.palette()).danger.name()};"
        if sheet != self.styleSheet():
            self.setStyleSheet(sheet)


class _Row:
    """A row of the form: its title, one field or one for each stage, and a line for what is wrong."""

    def __init__(self, title: QWidget | None, error: ErrorLine) -> None:
        self.title, self.error = title, error
        self.fields: list[tuple[Field, Editor]] = []

    def update(self, config: RunConfig, problems: dict[str, str]) -> None:
        """Show which fields have an effect, and what is wrong."""
        shown = False
        for field, editor in self.fields:
            has_effect = field.has_effect(config)
            editor.setVisible(has_effect)
            editor.setEnabled(field.stage is None or field.stage in config.stages)
            editor.set_refused(field.path in problems)
            shown = shown or has_effect
        if self.title is not None:
            self.title.setVisible(shown)
        self.error.say(
            "\n".join(problems[field.path] for field, _ in self.fields if field.path in problems)
            if shown
            else ""
        )


class _Section(QWidget):
    """Rows of fields: the title on the left, on the right one field, or one for each stage."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[_Row] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(SPACE // 2)

    def add(self, field: Field, editor: Editor) -> None:
        """Add a field: in the row of the one before if the two are of one title and different stages."""
        last = self.rows[-1].fields[-1][0] if self.rows else None
        if last is not None and last.stage and field.stage and last.about.title == field.about.title:
            self.rows[-1].fields.append((field, editor))
            return
        title: QLabel | None = None
        if not isinstance(editor, SwitchEditor):
            title = QLabel(translated(field.about.title))
            title.setToolTip(translated(field.about.help))
            title.setBuddy(editor)
            title.setWordWrap(True)
        self.rows.append(_Row(title, ErrorLine()))
        self.rows[-1].fields.append((field, editor))

    def lay_out(self) -> None:
        """Place the rows; called once, when all are there."""
        headed = False
        for row in self.rows:
            if len(row.fields) > 1 and not headed:
                headed = True
                self._layout.addLayout(
                    self._line(None, [muted(self.tr("Head")), muted(self.tr("Fine-tune"))])
                )
            if row.title is None:
                self._layout.addWidget(row.fields[0][1])
            else:
                self._layout.addLayout(self._line(row.title, [editor for _, editor in row.fields]))
            self._layout.addWidget(row.error)

    @staticmethod
    def _line(title: QWidget | None, right: Sequence[QWidget]) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(SPACE)
        line.addWidget(title or QWidget(), 1)
        width = (_FIELD_WIDTH - SPACE * (len(right) - 1)) // len(right)
        for widget in right:
            widget.setFixedWidth(width)
            line.addWidget(widget)
        return line


class Fold(QWidget):
    """A heading that shows and hides what is below it.

    Attributes:
        body: what is below, in a column.

    Signals:
        opened(bool): it was unfolded, or folded.
    """

    opened = Signal(bool)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        self.button = QToolButton()
        self.button.setText(title)
        self.button.setCheckable(True)
        self.button.setIcon(icon("chevron-right"))
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        set_role(self.button, "quiet")
        # The arrow stands in line with the text above it.
        self.button.setStyleSheet("padding-left: 0px; margin-left: -4px;")
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        self._content = QWidget()
        self.body = QVBoxLayout(self._content)
        self.body.setContentsMargins(0, 0, 0, SPACE)
        self.body.setSpacing(SPACE)
        layout.addWidget(self._content)
        self._content.hide()
        self.button.toggled.connect(self._on_toggled)

    def _on_toggled(self, unfolded: bool) -> None:
        self.button.setIcon(icon("chevron-down" if unfolded else "chevron-right"))
        self._content.setVisible(unfolded)
        self.opened.emit(unfolded)


class ConfigForm(QWidget):
    """All settings of a run but the backbone, which is set from outside.

    Attributes:
        more: the fold of the settings that few people change.
        folds: in it, one for each group.

    Signals:
        changed: a person has changed something; `config` and `problems` are up to date.
        helped(str): the explanation of the field that now has the focus.
    """

    changed = Signal()
    helped = Signal(str)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._config = RunConfig()
        self._refused: dict[str, str] = {}
        self._classes: tuple[str, ...] = ()
        self._editors: dict[str, Editor] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        self._sections: list[_Section] = []
        layout.addWidget(self._section("basic"))
        self.more = Fold(self.tr("More settings"))
        self.folds: dict[str, Fold] = {}
        for group, title in GROUP_TITLES.items():
            if group != "basic":
                fold = self.folds[group] = Fold(translated(title))
                fold.body.addWidget(self._section(group))
                self.more.body.addWidget(fold)
        layout.addWidget(self.more)
        self._whole = ErrorLine()
        layout.addWidget(self._whole)
        self.set_config(self._config)

    # --- what is set and read -----------------------------------------------------------------------------

    @property
    def config(self) -> RunConfig:
        """The settings; those with a problem have their last good value."""
        return self._config

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong: a sentence by the setting's path, or by `WHOLE`; empty if the settings can be used."""
        found = self._across() | self._refused
        if not found:
            try:
                check_config(self._config, self.tr("The settings"))
            except ConfigError as error:
                found[WHOLE] = str(error)
        return found

    def ask_for_weights(self) -> None:
        """Ask for a file of first weights."""
        editor = self._editors["weights"]
        assert isinstance(editor, WeightsEditor)
        editor.ask()

    def title_of(self, path: str) -> str:
        """Return what a setting is called in the form; empty for `WHOLE`."""
        return next((translated(field.about.title) for field in shown_fields() if field.path == path), "")

    def set_config(self, config: RunConfig) -> None:
        """Show other settings."""
        self._config = config
        self._refused = {}
        self._offer()
        for path, editor in self._editors.items():
            editor.show_value(value_at(config, path))
        self._update()

    def set_backbone(self, backbone: BackboneName) -> None:
        """Use another backbone; blocks that it does not have are forgotten."""
        config = with_value(self._config, "backbone", backbone)
        names = {block.name for block in get_backbone(backbone).blocks}
        if config.fine_tune_stage.from_block not in names:
            config = with_value(config, "fine_tune_stage.from_block", "all")
        refused = self._refused
        self.set_config(config)
        self._refused = refused
        self._update()

    def set_classes(self, classes: Sequence[str], malignant: Collection[str]) -> None:
        """Say which classes the dataset has: their recalls can choose the best epoch."""
        self._classes = tuple(classes)
        self._metrics = [
            (f"recall_{name}", self.tr("Recall of {name}").format(name=class_label(name, malignant)))
            for name in sorted(classes, key=lambda name: (name != "mel", name not in malignant, name))
        ]
        self._offer()
        self._update()

    def editor(self, path: str) -> Editor:
        """Return the field of a setting."""
        return self._editors[path]

    def unfold(self, group: Group) -> None:
        """Open a section behind "More settings"."""
        self.more.button.setChecked(True)
        self.folds[group].button.setChecked(True)

    # --- making it ----------------------------------------------------------------------------------------

    _metrics: Sequence[tuple[Value, str]] = ()

    def _section(self, group: Group) -> _Section:
        section = _Section()
        self._sections.append(section)
        for field in fields_of(group):
            editor = self._editors[field.path] = self._make(field)
            editor.edited.connect(lambda path=field.path: self._on_edited(path))
            editor.focused.connect(lambda field=field: self.helped.emit(self._help(field)))
            section.add(field, editor)
        section.lay_out()
        return section

    def _help(self, field: Field) -> str:
        return f"{translated(field.about.title)}: {translated(field.about.help)}"

    def _make(self, field: Field) -> Editor:
        """Return the editor that fits a setting's type."""
        name, tip = translated(field.about.title), translated(field.about.help)
        if field.stage is not None:
            name = self.tr("{setting}, stage {stage}").format(
                setting=name, stage=self._stage_name(field.stage)
            )
        match field.about.editor or field.kind:
            case "weights":
                editor: Editor = WeightsEditor(name, tip, self._settings)
            case "sizes":
                editor = SizesEditor(field, name, tip)
            case "slider":
                editor = SliderEditor(field, name, tip)
            case "metric" | "block" | "stages" | "choice":
                editor = ChoiceEditor(self._options(field), name, tip)
            case "switch":
                editor = SwitchEditor(name, tip)
            case _:
                editor = NumberEditor(field, name, tip, empty=self.tr("default") if field.optional else "")
        return editor

    def _stage_name(self, stage: StageName) -> str:
        return self.tr("head") if stage == "head" else self.tr("fine-tune")

    def _options(self, field: Field) -> list[tuple[Value, str]]:
        if field.about.editor == "stages":
            return [
                (("head", "fine-tune"), self.tr("Head, then fine-tune")),
                (("head",), self.tr("Head only")),
                (("fine-tune",), self.tr("Whole network at once")),
            ]
        if field.about.editor == "metric":
            return [
                *((key, title_of(metric)) for key, metric in OF_AN_EPOCH.items()),
                *self._metrics,
            ]
        if field.about.editor == "block":
            rest = get_backbone(self._config.backbone).blocks[1:]
            return [("all", self.tr("The whole backbone")), *((block.name, block.name) for block in rest)]
        words = dict(field.about.choices)
        # The words name values as text and in the order to show; the type says which there are.
        values = {str(value): value for value in field.choices}
        return [(values[name], translated(words[name])) for name in words if name in values]

    def _offer(self) -> None:
        """Bring the choices that depend on backbone and dataset up to date."""
        for field in shown_fields():
            editor = self._editors.get(field.path)
            if field.about.editor in ("metric", "block") and isinstance(editor, ChoiceEditor):
                editor.set_options(self._options(field))
                editor.show_value(value_at(self._config, field.path))

    # --- living with edits --------------------------------------------------------------------------------

    def _on_edited(self, path: str) -> None:
        try:
            value = self._editors[path].read()
        except RefusedError as error:
            self._refused[path] = str(error)
        else:
            self._refused.pop(path, None)
            self._config = with_value(self._config, path, value)
        self._update()
        self.changed.emit()

    def _across(self) -> dict[str, str]:
        """Return what does not fit together though each field is right by itself."""
        config, found = self._config, {}
        backbone = get_backbone(config.backbone)
        if config.input_size is not None and config.input_size < backbone.minimum_size:
            found["input_size"] = self.tr("{backbone} needs at least {side} px.").format(
                backbone=backbone.title, side=backbone.minimum_size
            )
        metric = config.early_stopping.metric
        if metric.startswith("recall_") and self._classes and metric[len("recall_") :] not in self._classes:
            found["early_stopping.metric"] = self.tr("The dataset has no such class; choose another metric.")
        if config.weights not in ("imagenet", "random") and not Path(config.weights).is_file():
            found["weights"] = self.tr("Choose an existing weights file.")
        return found

    def _update(self) -> None:
        problems = self.problems
        for section in self._sections:
            for row in section.rows:
                row.update(self._config, problems)
        self._whole.say(problems.get(WHOLE, ""))
