"""The left side of the training page: what to train, and the buttons."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from skindesk.background import Errands, Question
from skindesk.models.runs.weights_state import find_weights_states
from skindesk.pages.training.estimate import RunEstimate
from skindesk.pages.training.weights_help import WeightsHelp
from skindesk.pages.training.words import preset_words, run_title, weights_words
from skindesk.widgets.basics import Card, SegmentedRow, heading, muted, primary_button, scrolling
from skindesk.widgets.file_choice import FileChoice
from skindesk.widgets.form.augmentation_preview import AugmentationPreview
from skindesk.widgets.form.backbone_cards import BackboneCards
from skindesk.widgets.form.config_form import ConfigForm, ErrorLine
from skindesk.widgets.icons import icon
from skindesk.widgets.notice import Notice
from skindesk.widgets.theme import SPACE, set_role
from trainer.backbones import OFFERED, get_backbone
from trainer.config import config_from_toml, config_to_toml
from trainer.errors import TrainerError
from trainer.files import write_text
from trainer.presets import demo_config, preset_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QResizeEvent

    from skindesk.engine.jobs import JobQueue
    from skindesk.models.dataset.facts import DatasetFacts
    from skindesk.models.devices import DevicesModel
    from skindesk.models.runs.weights_state import WeightsState
    from skindesk.paths import Paths
    from skindesk.settings import Settings
    from trainer.config import BackboneName, RunConfig
    from trainer.presets import PresetName

WIDTH = 392  # pixels: the fields of two stages beside their title, and a scroll bar
_PRESETS: tuple[PresetName, ...] = ("quick", "balanced", "thorough")
_HELP_LINES = 3
_LOW = 480  # pixels below which device and estimate are scrolled with the fields
_KEPT = ("weights", "device", "seed")
"""Settings that a preset leaves as they are."""


class SetupPanel(Card):
    """Everything that is chosen before a run is started.

    Attributes:
        form: all settings but the backbone.
        cards: the backbones.
        presets: the row of presets.
        name: what the run will be called.
        start_button, stop_button: see the signals.

    Signals:
        start_asked: a run is to be started, or put into the queue.
        stop_asked: the run that trains is to be stopped.
        changed: a run can be started now, or cannot any more.
    """

    start_asked = Signal()
    stop_asked = Signal()
    changed = Signal()

    def __init__(
        self,
        scoring: JobQueue,
        devices: DevicesModel,
        settings: Settings,
        paths: Paths,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("", parent)
        self._devices, self._settings, self._paths = devices, settings, paths
        self._facts: DatasetFacts | None = None
        self._named = False
        self._running = self._low = False
        self._errands = Errands(self)
        self._disk_warning = self._no_preview = ""
        self._states: dict[str, WeightsState] = {}
        self._not_fetched: set[str] = set()
        self.setFixedWidth(WIDTH)
        self.heading.setText(self.tr("New run"))
        self.heading.show()
        for name, words, slot in (
            ("open", self.tr("Load settings from a file"), self.ask_for_settings),
            ("save", self.tr("Save these settings as a file"), self.ask_where_to_save),
        ):
            self.header.addWidget(_icon_button(name, words, slot))
        self._build_fields(scoring)
        self._build_footer(scoring)
        self._weights: Question[dict[str, WeightsState]] = Question(
            self._show_weights, self._weights_unknown, self
        )
        devices.changed.connect(self._on_devices)
        settings.changed.connect(self._on_setting)
        self._connect()
        self.look_for_weights()
        self._apply_preset("balanced")
        self._on_devices()

    # --- making it ----------------------------------------------------------------------------------------

    def _build_fields(self, scoring: JobQueue) -> None:
        inside = QWidget()
        set_role(inside, "plain")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, SPACE, 0)
        column.setSpacing(SPACE)
        self.name = QLineEdit()
        self.name.setAccessibleName(self.tr("Name of the run"))
        self.name.setToolTip(self.tr("What the run is called in the list of results"))
        self.name.setMaxLength(100)
        self.cards = BackboneCards(OFFERED)
        self.presets = SegmentedRow([(preset, preset_words(preset)) for preset in _PRESETS])
        tips = {
            "quick": self.tr("The head alone on features of the frozen backbone: minutes on a CPU"),
            "balanced": self.tr("The head, then ten epochs of the whole network at 224 px"),
            "thorough": self.tr("More epochs and views, and on a GPU the backbone's own size"),
        }
        for preset, button in self.presets.buttons.items():
            button.setToolTip(tips[preset])
        self.form = ConfigForm(self._settings)
        self.preview = AugmentationPreview(scoring)
        self.form.folds["augmentation"].body.insertWidget(0, self.preview)
        column.addWidget(self.name)
        column.addWidget(heading(self.tr("Backbone")))
        column.addWidget(self.cards)
        column.addWidget(heading(self.tr("Preset")))
        column.addWidget(self.presets)
        column.addSpacing(SPACE // 2)
        column.addWidget(self.form)
        column.addStretch(1)
        self._column = column
        self._area = scrolling(inside)
        self.body.addWidget(self._area, 1)

    def _build_footer(self, scoring: JobQueue) -> None:
        self._help = muted(wrap=True)
        self._help.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._help.setFixedHeight(_HELP_LINES * self._help.fontMetrics().lineSpacing())
        self._help.setText(self.tr("Point at a setting, or select it, to see what it does."))
        self._device = muted(wrap=True)
        self._device.setAccessibleName(self.tr("Device"))
        self.estimate = RunEstimate(scoring)
        self.notice = Notice()
        line = QFrame()
        line.setFixedHeight(1)
        set_role(line, "card")
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACE)
        self.stop_button = QPushButton(self.tr("Stop"))
        self.stop_button.setToolTip(self.tr("Stop the training run; its progress is saved (Ctrl+.)"))
        self.stop_button.setEnabled(False)
        self.start_button = primary_button(self.tr("Start"))
        self.start_button.setToolTip(self.tr("Start the run (Ctrl+Return)"))
        buttons.addWidget(self.stop_button, 1)
        buttons.addWidget(self.start_button, 1)
        self.why, self.weights_help = ErrorLine(), WeightsHelp()
        footer = (line, self._help, self._device, self.estimate, self.notice, self.weights_help, self.why)
        for widget in footer:
            self.body.addWidget(widget)
        self.body.addLayout(buttons)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the room to the fields where there is little."""
        super().resizeEvent(event)
        low = self.height() < _LOW
        if low != self._low:
            self._low = low
            place, at = (
                (self._column, self._column.count()) if low else (self.body, self.body.indexOf(self.notice))
            )
            for number, part in enumerate((self._device, self.estimate)):
                place.insertWidget(at + number, part)

    def _connect(self) -> None:
        self.form.changed.connect(self._on_changed)
        self.form.helped.connect(self._help.setText)
        self.form.folds["augmentation"].opened.connect(lambda _open: self._wish_preview())
        self.cards.chosen.connect(self._on_backbone)
        self.presets.chosen.connect(self._apply_preset)
        self.name.textEdited.connect(self._on_named)
        self.estimate.warned.connect(self._on_little_disk)
        self.preview.failed.connect(self._on_preview)
        self.preview.shown.connect(self._on_preview)
        self.weights_help.file_asked.connect(self.form.ask_for_weights)
        self.weights_help.copied.connect(
            lambda: self.notice.show_success(self.tr("The address is on the clipboard."))
        )
        self.start_button.clicked.connect(self.start_asked)
        self.stop_button.clicked.connect(self.stop_asked)

    # --- what is chosen -----------------------------------------------------------------------------------

    @property
    def config(self) -> RunConfig | None:
        """The settings; `None` while something is wrong with them."""
        return None if self.form.problems else self.form.config

    @property
    def title(self) -> str:
        """What the run will be called."""
        return " ".join(self.name.text().split()) or self._usual_title()

    @property
    def can_start(self) -> bool:
        """Whether a run could be started with what is chosen."""
        return self._facts is not None and self.config is not None

    def set_facts(self, facts: DatasetFacts | None) -> None:
        """Say what there is to train on; `None` where there is nothing."""
        self._facts = facts
        if facts is not None:
            self.form.set_classes(facts.classes, facts.malignant)
        self._refresh()

    def set_config(self, config: RunConfig) -> None:
        """Show other settings."""
        self.form.set_config(config)
        self.cards.choose(config.backbone)
        self._refresh()

    def set_running(self, *, running: bool, stopping: bool) -> None:
        """Say whether a run trains, and whether it is being stopped."""
        self._running = running
        self.stop_button.setEnabled(running and not stopping)
        self.stop_button.setText(self.tr("Stopping…") if stopping else self.tr("Stop"))
        self.start_button.setText(self.tr("Add to queue") if running else self.tr("Start"))
        self.estimate.set_paused(paused=running)

    def begin_anew(self) -> None:
        """Give the next run a name of its own."""
        self._named = False
        self._refresh()

    # --- files of settings --------------------------------------------------------------------------------

    def ask_for_settings(self) -> None:
        """Ask for a file with settings and show them."""
        kinds = (self.tr("Settings (*.toml)"), self.tr("All files (*)"))
        self._files().open_file(self.tr("Load settings"), kinds, self.load_settings)

    def ask_where_to_save(self) -> None:
        """Ask where the settings are to be saved."""
        name = f"{self.name.text().strip() or self.tr('settings')}.toml"
        self._files().save_file(
            self.tr("Save settings"), name, {self.tr("Settings (*.toml)"): self.save_settings}
        )

    def load_settings(self, file: Path) -> bool:
        """Show the settings of a file; return whether it holds any."""
        try:
            config = config_from_toml(file)
        except TrainerError as error:
            self.notice.show_error(str(error))
            return False
        if config.backbone not in self.cards.cards:
            self.notice.show_error(
                self.tr("{file} names a backbone that is not supported.").format(file=file)
            )
            return False
        self.set_config(config)
        self.notice.show_success(self.tr("Settings loaded from {file}.").format(file=file.name))
        return True

    def save_settings(self, file: Path) -> None:
        """Save the settings as a file."""
        config = self.config
        if config is None:
            self.notice.show_error(self.tr("Fix the highlighted settings first."))
            return
        words = self.tr("Settings saved as {file}.").format(file=file.name)
        self._errands.run(
            partial(write_text, file, config_to_toml(config)),
            lambda _none: self.notice.show_success(words),
            self.notice.show_error,
        )

    def _files(self) -> FileChoice:
        return FileChoice(self, self._settings, "run_settings_folder")

    # --- weights ------------------------------------------------------------------------------------------

    def look_for_weights(self) -> None:
        """Find out which backbones' weights are at hand."""
        named = self._settings.text("weights_dir")
        folder = Path(named) if named else None
        self._weights.ask(lambda: find_weights_states(folder))

    def _show_weights(self, states: dict[str, WeightsState]) -> None:
        self._states = states
        self.cards.set_weights({name: weights_words(state) for name, state in states.items()})
        self._tell_weights()

    def weights_failed(self, backbone: BackboneName) -> None:
        """Say that a backbone's weights could not be fetched, though this machine has a network."""
        self._not_fetched.add(backbone)
        self._tell_weights()

    def _tell_weights(self) -> None:
        """Say what to do where the chosen weights are missing and cannot be fetched."""
        config = self.form.config
        state = self._states.get(config.backbone)
        if state is None or state.path is not None or config.weights != "imagenet":
            self.weights_help.say(None)
            return
        lost = config.backbone in self._not_fetched or not state.can_fetch
        self.weights_help.say(get_backbone(config.backbone) if lost else None, state.download_bytes)

    def _weights_unknown(self, sentence: str) -> None:
        self.notice.show_error(sentence)

    # --- living with changes ------------------------------------------------------------------------------

    def _preset(self, preset: PresetName, backbone: BackboneName) -> RunConfig:
        """Return a preset for the device, with what it leaves alone as it is."""
        config = self.form.config
        gpu = self._devices.gpu and config.device != "cpu"
        memory = self._devices.gpu_memory_mib
        fresh = preset_config(preset, backbone, gpu=gpu, gpu_memory_mib=memory)
        return msgspec.structs.replace(fresh, **{name: getattr(config, name) for name in _KEPT})

    def _apply_preset(self, preset: str) -> None:
        name = next(known for known in _PRESETS if known == preset)
        self.set_config(self._preset(name, self.form.config.backbone))

    def _on_backbone(self, name: str) -> None:
        backbone = next(entry.name for entry in OFFERED if entry.name == name)
        preset = self._chosen_preset()
        if preset is not None:
            self.set_config(self._preset(preset, backbone))
            return
        self.form.set_backbone(backbone)
        self._refresh()

    def _chosen_preset(self) -> PresetName | None:
        """Return the preset whose settings these are."""
        config = self.form.config
        return next((name for name in _PRESETS if self._preset(name, config.backbone) == config), None)

    def _on_devices(self) -> None:
        """Fit the preset to the device that was found."""
        words = self._devices.line
        if self._devices.reason:
            words += ". " + self._devices.reason
        self._device.setText(words)
        chosen = self.presets.current
        if chosen:
            self._apply_preset(chosen)

    def _on_setting(self, key: str) -> None:
        if key == "weights_dir":
            self.look_for_weights()
        elif key == "runs_folder":
            self._refresh()

    def _on_changed(self) -> None:
        self._refresh()

    def _on_named(self, text: str) -> None:
        self._named = bool(text.strip())

    def _usual_title(self) -> str:
        config = self.form.config
        if config in (demo_config(pretrained=True), demo_config(pretrained=False)):
            return self.tr("Demo on drawn lesions")
        return run_title(config, self._chosen_preset() or "")

    def _on_little_disk(self, sentence: str) -> None:
        self._warn(sentence, self._disk_warning)
        self._disk_warning = sentence

    def _on_preview(self, sentence: str = "") -> None:
        self._warn(sentence, self._no_preview)
        self._no_preview = sentence

    def _warn(self, sentence: str, before: str) -> None:
        """Say something, or take back what was said before of the same thing."""
        if sentence:
            self.notice.show_note(sentence)
        elif before and self.notice.text == before:
            self.notice.clear()

    def _refresh(self) -> None:
        """Bring everything that follows from the settings up to date."""
        self.presets.choose(self._chosen_preset() or "")
        if not self._named:
            self.name.setText(self._usual_title())
        self.start_button.setEnabled(self.can_start)
        self.why.say(self._why_not())
        self._tell_weights()
        runs = Path(self._settings.text("runs_folder") or self._paths.runs)
        self.estimate.set_wish(self._facts, self.config, self._paths.features, runs)
        self._wish_preview()
        self.changed.emit()

    def _why_not(self) -> str:
        """Say which settings keep a run from starting; they may be out of sight."""
        if self._facts is None or not self.form.problems:
            return ""
        titles = [title for path in self.form.problems if (title := self.form.title_of(path))]
        if not titles:
            return next(iter(self.form.problems.values()))
        return self.tr("Fix first: {settings}.").format(settings=", ".join(dict.fromkeys(titles)))

    def _wish_preview(self) -> None:
        config = self.form.config
        image = self._facts.image if self._facts is not None else ""
        self.preview.set_wish(image, config.geometry, config.augmentation)


def _icon_button(name: str, words: str, slot: Callable[[], None]) -> QToolButton:
    button = QToolButton()
    button.setIcon(icon(name))
    button.setToolTip(words)
    button.setAccessibleName(words)
    set_role(button, "quiet")
    button.clicked.connect(lambda _checked=False: slot())
    return button
