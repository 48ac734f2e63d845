"""The page that says what a lesion may be: images on the left, what the network says on the right."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from skindesk.models.diagnosis.case import ImageState
from skindesk.models.diagnosis.diagnosis import DiagnosisModel
from skindesk.models.diagnosis.evidence import EvidenceModel
from skindesk.models.diagnosis.similar import SimilarFiles
from skindesk.models.pictures import PictureLoader
from skindesk.pages.diagnosis import words
from skindesk.pages.diagnosis.actions import Actions, connect
from skindesk.pages.diagnosis.bundle_card import BundleCard
from skindesk.pages.diagnosis.case_saving import CaseSaving
from skindesk.pages.diagnosis.completing import CompletePanel
from skindesk.pages.diagnosis.evidence.similar_card import SimilarCard
from skindesk.pages.diagnosis.findings import ANSWERED, Findings
from skindesk.pages.diagnosis.image_area import ImageArea
from skindesk.pages.diagnosis.intake import Hover, Intake
from skindesk.pages.diagnosis.network import Network
from skindesk.pages.diagnosis.patient_card import PatientCard
from skindesk.pages.diagnosis.result_card import ResultCard
from skindesk.pages.diagnosis.saving import Saving
from skindesk.pages.diagnosis.side import Side, tool_button
from skindesk.pages.diagnosis.unfinished import Unfinished
from skindesk.widgets.basics import ElidedLabel, muted, title
from skindesk.widgets.drop_area import accept_paths
from skindesk.widgets.notice import Notice, NoticeLayer
from skindesk.widgets.quantities import images_counted
from skindesk.widgets.theme import SPACE, set_role
from trainer import RESEARCH_ONLY
from trainer.dataset.drawn import is_drawing
from trainer.images.suffixes import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QResizeEvent, QShowEvent

    from skindesk.engine.jobs import JobQueue
    from skindesk.models.cases.cases import CasesModel
    from skindesk.models.cases.reading import OpenedCase
    from skindesk.models.diagnosis.case import Removal
    from skindesk.models.diagnosis.collecting import Collected
    from skindesk.models.runs.listing import RunsModel
    from skindesk.models.workspace import Workspace
    from skindesk.paths import Paths
    from skindesk.reports.orders import Written
    from skindesk.settings import Settings

_LOW = 560  # pixels of the page below which the card of the network is folded


class DiagnosisPage(QWidget):
    """Images in, probabilities out.

    Args:
        diagnosis: the queue that predicts.
        scoring: the queue that completes bundles.
        runs: whose bundles can be chosen.
        workspace: with the bundle in use; images may come from other pages by it.
        cases: where a diagnosis can be kept.
        settings: paper and folder of reports.
        paths: where pasted pictures are kept.
        parent: as usual.
    """

    def __init__(
        self,
        diagnosis: JobQueue,
        scoring: JobQueue,
        runs: RunsModel,
        workspace: Workspace,
        cases: CasesModel,
        settings: Settings,
        paths: Paths,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._on_notice: Callable[[], object] | None = None
        self.model = DiagnosisModel(diagnosis, self)
        self.evidence = EvidenceModel(diagnosis, self.model, self)
        self.loader = PictureLoader(self)
        self.intake = Intake(paths, settings, self)
        self.saving = Saving(settings, self.loader, diagnosis, self)
        self.commands = Actions(self)
        self.images = ImageArea(self.model, self.evidence, self.loader, self.commands)
        self.notice = Notice()
        self.failure = Notice()
        self.bundle = BundleCard(CompletePanel(scoring, settings))
        self.result = ResultCard()
        self.similar = SimilarCard(SimilarFiles(workspace, self), PictureLoader(self))
        self.patient = PatientCard(settings)
        self.side = Side((self.bundle, self.result, self.similar, self.patient), self.commands)
        self.network = Network(diagnosis, runs, workspace, self.model, self.bundle, self)
        self.unfinished = Unfinished(self.model, paths.unfinished, settings, self.commands.other, self)
        self.findings = Findings(self.model, self.network)
        self.keeping = CaseSaving(
            self.model, self.network, self.findings, self.unfinished, cases, runs, workspace, settings, self
        )
        self._seen = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, SPACE)
        layout.setSpacing(3 * SPACE // 2)
        row = QHBoxLayout()
        row.setSpacing(2 * SPACE)
        row.addLayout(self._left(), 3)
        row.addWidget(self.side, 2)
        layout.addLayout(row, 1)
        layout.addWidget(muted(RESEARCH_ONLY, wrap=True))
        notices = [self.failure, self.notice, self.unfinished.notice]
        NoticeLayer(self, self.images, notices, top=True)
        accept_paths(self, self.add_images)
        Hover(self).changed.connect(self.images.set_hovered)  # after the line above, so that it sees first
        self._connect()
        self._connect_actions()
        self._network_changed()
        self.unfinished.begin()

    # --- parts -------------------------------------------------------------------------------------------

    def _left(self) -> QVBoxLayout:
        layout = QVBoxLayout()
        layout.setSpacing(SPACE)
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        row.addWidget(title(self.tr("Diagnosis")))
        self._subtitle = ElidedLabel()
        set_role(self._subtitle, "muted")
        row.addWidget(self._subtitle, 1)
        for action in (self.commands.clear, self.commands.open, self.commands.paste):
            row.addWidget(tool_button(action))
        layout.addLayout(row)
        layout.addWidget(self.images, 1)
        return layout

    def _connect(self) -> None:
        model = self.model
        for changed in (model.images_changed, model.selected_changed, model.together_changed):
            changed.connect(self._show_result)
        model.image_changed.connect(self._image_changed)
        model.patient_changed.connect(self._patient_changed)
        self.patient.changed.connect(lambda: model.set_patient(self.patient.fields()))
        model.asking_changed.connect(self._show_asking)
        self.images.open_asked.connect(self.intake.choose_files)
        self.images.paste_asked.connect(self.paste)
        self.images.dropped.connect(self.add_images)
        self.images.picture_changed.connect(self._enable)
        self.images.canvas.crop_mode_changed.connect(self.commands.crop.setChecked)
        self.intake.found.connect(self._take)
        self.intake.failed.connect(self._say_error)
        self.saving.saved.connect(self._saved)
        self.saving.failed.connect(self._say_error)
        self.saving.busy_changed.connect(lambda _busy: self._enable())
        self.keeping.saved.connect(self._kept)
        self.keeping.noted.connect(self._say)
        self.keeping.failed.connect(self._say_error)
        self.keeping.busy_changed.connect(self._enable)
        self.result.choice_changed.connect(self._choose)
        self.result.acted.connect(self._ask_again)
        self.failure.acted.connect(self._ask_again)
        self.unfinished.clear_asked.connect(self._clear)
        self.notice.acted.connect(self._act_on_notice)
        self.network.changed.connect(self._network_changed)
        self._workspace.images_for_diagnosis.connect(self.add_images)

    def _connect_actions(self) -> None:
        commands, canvas = self.commands, self.images.canvas
        connect(commands.open, self.intake.choose_files)
        connect(commands.open_folder, self.intake.choose_folder)
        connect(commands.paste, self.paste)
        connect(commands.rotate_left, partial(canvas.turn, -90.0))
        connect(commands.rotate_right, partial(canvas.turn, 90.0))
        commands.crop.toggled.connect(canvas.set_crop_mode)
        connect(commands.reset, canvas.reset)
        connect(commands.zoom_in, partial(canvas.zoom_by, 1.25))
        connect(commands.zoom_out, partial(canvas.zoom_by, 0.8))
        connect(commands.fit, canvas.fit)
        connect(commands.evidence, self.images.evidence.step)
        connect(commands.remove, self._remove)
        connect(commands.clear, self._clear)
        connect(commands.undo, self._undo)
        connect(commands.copy, self.copy_result)
        connect(commands.export, self._export)
        connect(commands.keep, self.keeping.save)
        connect(commands.save, self._save)
        self.addActions([action for action in commands.all if action is not None])

    # --- for the window ----------------------------------------------------------------------------------

    def actions(self) -> list[QAction]:
        """Return what the menu of this page holds."""
        return self.commands.menu(self)

    @property
    def answered(self) -> bool:
        """Whether there are images and the network has answered about every one that can be read."""
        return bool(self.model.images) and all(image.state in ANSWERED for image in self.model.images)

    def save_pdf(self, file: Path) -> bool:
        """Write the report of what has been answered, in the background.

        Returns:
            whether there is anything to report.
        """
        order = self.findings.order()
        if order is not None:
            self.saving.write_report(order, file)
        return order is not None

    def open_path(self, path: Path) -> bool:
        """Take an image, or a folder while this page is shown."""
        wanted = path.suffix.lower() in SUFFIXES or (self.isVisible() and path.is_dir())
        if wanted:
            self.add_images([path])
        return wanted

    def open_more(self, paths: list[Path]) -> None:
        """Take the other images that were dropped on the window."""
        self.add_images([path for path in paths if path.suffix.lower() in SUFFIXES or path.is_dir()])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the room to the result where there is little."""
        super().resizeEvent(event)
        self.bundle.fold_where(low=self.height() < _LOW)

    def showEvent(self, event: QShowEvent) -> None:
        """Have the engine ready by the time an image comes."""
        super().showEvent(event)
        self._seen = True
        self.unfinished.look()
        self.network.begin()

    # --- images coming in --------------------------------------------------------------------------------

    def add_images(self, paths: list[Path]) -> None:
        """Take files, and the images in folders; they do not mix with a case that nobody has seen yet."""
        if not self._seen:
            self.unfinished.set_aside()
        self.intake.take(paths)

    def show_apart(self, paths: list[Path]) -> None:
        """Take images as a case of their own; the present one is set aside."""
        self.unfinished.set_aside()
        self.intake.take(paths)

    def paste(self) -> None:
        """Take what is on the clipboard."""
        if not self.intake.take_data(QGuiApplication.clipboard().mimeData()):
            self._say(self.tr("There is no image or file on the clipboard."))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take pictures that have no file, too."""
        if event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Take pictures that have no file, too."""
        if self.intake.take_data(event.mimeData()):
            event.acceptProposedAction()

    def _take(self, collected: Collected) -> None:
        for path in collected.images:
            if all(image.path != path for image in self.model.images):
                self.loader.forget(path)  # the file may have changed since it was here last
        images = self._apart_from_drawings(collected.images)
        added = self.model.add(images)
        said = words.what_was_found(collected)
        if not said and not added:
            said = self.tr("Already here: {name}.").format(name=collected.images[0].name)
            known = [image for image in self.model.images if image.path == collected.images[0].absolute()]
            if known:
                self.model.select(known[0].number)
        if said:
            self._say(said)
        else:
            self.notice.clear()

    def _apart_from_drawings(self, images: Sequence[Path]) -> list[Path]:
        """Return what can be taken: the demo's drawings never stand, or are printed, beside other images."""
        photographs = [path for path in images if not is_drawing(path)]
        drawn = {image.number for image in self.model.images if is_drawing(image.path)}
        if photographs:
            if drawn:
                self.model.forget(drawn)
            return photographs
        if images and len(drawn) < len(self.model.images):
            self.unfinished.set_aside()
        return list(images)

    def _ask_again(self) -> None:
        """Read anew what could not be read, and analyse it and all that was left."""
        for image in self.model.images:
            if self.loader.sentence(image.path):
                self.loader.forget(image.path)
                self.loader.want(image.path)
        self.model.ask_again()

    # --- images going ------------------------------------------------------------------------------------

    def _remove(self) -> None:
        chosen = self.images.strip.chosen()
        if not chosen and self.model.selected is not None:
            chosen = [self.model.selected.number]
        if chosen:
            removal = self.model.remove(chosen)
            self._say(
                self.tr("Removed {images}.").format(images=images_counted(len(chosen))),
                self.tr("Undo"),
                partial(self._put_back, removal),
            )

    def _clear(self) -> None:
        removal = self.model.clear()
        self._say(self.tr("Ready for a new lesion."), self.tr("Undo"), partial(self._put_back, removal))

    def _put_back(self, removal: Removal) -> None:
        self.notice.clear()
        self.model.put_back(removal)

    def _undo(self) -> None:
        self.notice.clear()
        self.model.undo()

    # --- the result ---------------------------------------------------------------------------------------

    def _network_changed(self) -> None:
        self.images.show_facts(self.network.facts)
        self._show_result()

    def _show_asking(self) -> None:
        failure = self.model.failure
        if failure is None:
            self.failure.clear()
        elif failure.stopped:
            left = sum(image.state is ImageState.LEFT for image in self.model.images)
            self.failure.show_note(
                self.tr("Stopped; {images} not analysed.").format(images=images_counted(left)),
                action=self.tr("Analyse the rest"),
            )
        elif failure.message != self.failure.text:
            self.failure.show_error(failure.message, failure.log, self.tr("Try again"))
        self._show_result()

    def _choose(self, choice: str) -> None:
        self.findings.choice = choice
        self._show_result()

    def _patient_changed(self) -> None:
        case = self.model.case
        self.patient.fill(case.patient)
        if case.patient != case.next_patient():
            self.patient.unfold()  # it may have come back
        self._enable()

    def _image_changed(self, number: int) -> None:
        selected = self.model.selected
        if selected is not None and selected.number == number:
            self._show_result()

    def _show_result(self) -> None:
        selected = self.model.selected
        self._subtitle.setText(selected.path.name if selected is not None else "")
        self.result.show_result(self.findings.shown())
        self.similar.show_similar(self.network.facts, selected)
        self.evidence.set_prediction(self.findings.result()[1])
        self._enable()

    def _enable(self) -> None:
        commands, model = self.commands, self.model
        there = self.images.canvas.has_picture
        for action in (
            commands.rotate_left, commands.rotate_right, commands.crop, commands.reset,
            commands.zoom_in, commands.zoom_out, commands.fit,
        ):  # fmt: skip
            action.setEnabled(there)
        commands.remove.setEnabled(bool(model.images))
        commands.clear.setEnabled(not model.case.empty)
        commands.undo.setEnabled(model.can_undo)
        free = not self.saving.busy
        commands.copy.setEnabled(self.findings.result()[1] is not None)
        commands.export.setEnabled(self.findings.any and free)
        commands.save.setEnabled(self.findings.complete and free)
        commands.keep.setEnabled(self.keeping.possible)
        self.side.save_button.setEnabled(commands.save.isEnabled())

    # --- handing results on ------------------------------------------------------------------------------

    def copy_result(self) -> None:
        """Put the result shown on the clipboard, as text."""
        text = self.findings.text()
        if text:
            QGuiApplication.clipboard().setText(text)
            self._workspace.notified.emit(self.tr("The result is on the clipboard."))

    def _save(self) -> None:
        order = self.findings.order()
        if order is not None:
            self.saving.save_report(order)

    def _export(self) -> None:
        if self.network.facts is not None and self.model.images:
            classes = self.network.facts.manifest.classes
            self.saving.save_table(classes, self.model.images, self.findings.together)

    def _saved(self, written: Written) -> None:
        place = Path(written.place)
        self._on_notice = partial(self.saving.open, place)
        said = [self.tr("Saved as {name}.").format(name=place.name), *written.notes]
        self.notice.show_success(" ".join(said), action=self.tr("Open"))

    def open_case(self, opened: OpenedCase) -> None:
        """Diagnose a stored case again."""
        self.keeping.open_case(opened)

    def _kept(self, sentence: str) -> None:
        self._on_notice = partial(self._workspace.go_to.emit, "cases")
        self.notice.show_success(sentence, action=self.tr("Show cases"))

    # --- saying ------------------------------------------------------------------------------------------

    def _say(self, text: str, action: str = "", slot: Callable[[], object] | None = None) -> None:
        self._on_notice = slot
        self.notice.show_note(text, action=action)

    def _say_error(self, text: str) -> None:
        self._on_notice = None
        self.notice.show_error(text)

    def _act_on_notice(self) -> None:
        if self._on_notice is not None:
            self._on_notice()
