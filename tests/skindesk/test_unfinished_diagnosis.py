"""An unfinished diagnosis outlives its window: kept in a private file, brought back, cleared, never lost to another one."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication

from skindesk.models.diagnosis.case import ImageState
from skindesk.models.diagnosis.framing import Box, Framing
from skindesk.models.diagnosis.kept_case import case_of, claim_place
from skindesk.models.diagnosis.patient import PatientFields
from tests.skindesk.diagnosis_page import PageWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from skindesk.engine.engines import Engines
    from skindesk.models.workspace import Workspace
    from skindesk.pages.diagnosis import DiagnosisPage
    from skindesk.paths import Paths
    from skindesk.settings import Settings

PATIENCE_MS = 30_000
REPOSITORY = Path(__file__).resolve().parents[2]
HALF = Framing(90.0, Box(0.0, 0.0, 0.5, 1.0))
FIRST_VERSION = """{
 "version": 1,
 "images": [{"path": "/images/a.png", "rotation": -12.5, "crop": [0.0, 0.0, 0.5, 1.0]}],
 "selected": 0,
 "together": true,
 "patient": {
  "name": "Ada", "patient_id": "7", "born": "1815", "sex": "f",
  "age": "36", "site": "arm", "examiner": "Dr", "notes": "1\\n2"
 }
}
"""


@pytest.fixture
def opened(
    qtbot: QtBot, engines: Engines, workspace: Workspace, settings: Settings, paths: Paths
) -> Callable[[], DiagnosisPage]:
    """Opens one more window on the page; its engine takes no jobs, so that none is started."""
    engines.diagnosis.begin_close()
    settings.set_value("keep_patient", value=True)
    windows = []

    def open_window() -> DiagnosisPage:
        windows.append(PageWindow(engines.diagnosis, workspace, settings, paths, qtbot))
        return windows[-1].page

    return open_window


@pytest.fixture
def images(small_folder: Path, tmp_path: Path) -> list[Path]:
    """Three images that a test may move."""
    folder = tmp_path / "bilder & Läsionen"
    folder.mkdir()
    copies = []
    for source in sorted((small_folder / "images").glob("*.png"))[:3]:
        copies.append(folder / source.name)
        copies[-1].write_bytes(source.read_bytes())
    return copies


def close(page: DiagnosisPage) -> None:
    """Close a window for good, as the program does at its end."""
    page.unfinished.keeper.close()
    page.window().close()


def files(paths: Paths) -> list[Path]:
    return sorted(paths.unfinished.glob("*.json"))


def take(qtbot: QtBot, page: DiagnosisPage, images: list[Path]) -> None:
    before = len(page.model.images)
    page.add_images(images)
    qtbot.waitUntil(lambda: len(page.model.images) == before + len(images), timeout=PATIENCE_MS)


def test_what_the_first_version_kept_is_understood() -> None:
    case = case_of(FIRST_VERSION)
    assert case.together
    (image,) = case.images
    assert (image.path, image.number) == (Path("/images/a.png"), case.selected)
    assert image.framing == Framing(-12.5, HALF.crop)
    assert case.patient == PatientFields(
        name="Ada", patient_id="7", born="1815", sex="f", age="36", site="arm", examiner="Dr", notes="1\n2"
    )


def test_images_crops_patient_and_note_come_back_as_they_were(
    qtbot: QtBot, opened: Callable[[], DiagnosisPage], images: list[Path]
) -> None:
    page = opened()
    take(qtbot, page, images)
    page.model.set_framing(page.model.images[1].number, HALF)
    page.model.set_framing(page.model.images[2].number, Framing(-12.5))
    page.model.select(page.model.images[1].number)
    page.model.set_together(together=True)
    page.patient.editors["name"].setText("Ada Björk")
    page.patient.editors["examiner"].setText("Dr Noether")
    page.patient.editors["notes"].setPlainText("Seen twice.\nGrows.")
    close(page)

    again = opened()
    turned = again.model.images[2]
    assert [image.path for image in again.model.images] == images
    assert [image.framing for image in again.model.images] == [Framing(), HALF, Framing(-12.5)]
    assert again.model.selected == again.model.images[1]
    assert again.images.together.isChecked()
    assert again.patient.fields() == page.patient.fields()
    assert again.patient.editors["notes"].isVisible(), "what has come back is not folded away"
    assert again.unfinished.notice.text == "Your unfinished diagnosis is back: 3 images."
    assert not again.commands.undo.isEnabled()
    qtbot.waitUntil(lambda: again.images.canvas.has_picture, timeout=PATIENCE_MS)
    assert again.images.canvas.framing == HALF
    # Without empty corners: what of a turned image is asked about is known when its size is.
    qtbot.waitUntil(lambda: again.model.images[2].view().crop is not None, timeout=PATIENCE_MS)
    assert again.model.images[2].generation > turned.generation, "an answer to the question before is dropped"


def test_it_is_written_soon_after_a_change_and_for_nobody_else_to_read(
    qtbot: QtBot, opened: Callable[[], DiagnosisPage], paths: Paths
) -> None:
    page = opened()
    assert files(paths) == [], "nothing was begun"
    page.patient.editors["notes"].setPlainText("Seen twice.")
    qtbot.waitUntil(lambda: bool(files(paths)), timeout=PATIENCE_MS)
    (file,) = files(paths)
    assert json.loads(file.read_text(encoding="utf-8"))["version"] == 1
    assert case_of(file.read_text(encoding="utf-8")).patient.notes == "Seen twice."
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert opened is not None
    assert page.patient.fields().notes == "Seen twice."


def test_clear_deletes_the_file_and_undo_keeps_it_again(
    qtbot: QtBot, opened: Callable[[], DiagnosisPage], images: list[Path], paths: Paths
) -> None:
    page = opened()
    take(qtbot, page, images)
    page.patient.editors["name"].setText("Ada")
    page.patient.editors["examiner"].setText("Dr Noether")
    close(page)
    again = opened()
    leftover = paths.unfinished / ".1.json.abcdef.tmp"
    leftover.write_text("Ada, of a process that was killed while it wrote")

    again.unfinished.notice.acted.emit()
    assert again.model.images == ()
    assert again.patient.fields().name == ""
    assert again.patient.fields().examiner == "Dr Noether"
    empty = [paths.unfinished / "1.lock"]
    qtbot.waitUntil(lambda: list(paths.unfinished.iterdir()) == empty, timeout=PATIENCE_MS)
    assert empty[0].read_text() == ""

    again.notice.acted.emit()
    assert len(again.model.images) == 3
    assert again.patient.fields().name == "Ada"
    qtbot.waitUntil(lambda: bool(files(paths)), timeout=PATIENCE_MS)


def test_what_was_cleared_does_not_come_back(
    opened: Callable[[], DiagnosisPage], qtbot: QtBot, paths: Paths
) -> None:
    page = opened()
    page.patient.editors["name"].setText("Ada")
    qtbot.waitUntil(lambda: bool(files(paths)), timeout=PATIENCE_MS)
    page.commands.clear.trigger()
    close(page)
    again = opened()
    assert again.model.case.empty
    assert not again.unfinished.notice.isVisible()


def test_a_moved_image_says_so_beside_the_others_and_is_read_when_it_is_there_again(
    qtbot: QtBot, opened: Callable[[], DiagnosisPage], images: list[Path], tmp_path: Path
) -> None:
    page = opened()
    take(qtbot, page, images)
    close(page)
    images[0].rename(tmp_path / "elsewhere.png")
    again = opened()
    strip = again.images.strip
    gone = f"{images[0].name} no longer exists: it was moved, renamed or deleted."
    qtbot.waitUntil(lambda: strip.tiles[0].sentence == gone, timeout=PATIENCE_MS)
    assert again.images.canvas.accessibleDescription() == f"{gone}\n\n{images[0].parent}"
    again.model.select(again.model.images[1].number)
    qtbot.waitUntil(lambda: again.images.canvas.has_picture, timeout=PATIENCE_MS)
    assert [tile.sentence for tile in strip.tiles[1:]] == ["", ""]

    (tmp_path / "elsewhere.png").rename(images[0])
    again.result.acted.emit()
    qtbot.waitUntil(lambda: strip.tiles[0].sentence == "", timeout=PATIENCE_MS)
    again.model.select(again.model.images[0].number)
    qtbot.waitUntil(lambda: again.images.canvas.has_picture, timeout=PATIENCE_MS)


def test_two_windows_keep_a_case_each_and_both_can_be_brought_back(
    qtbot: QtBot, opened: Callable[[], DiagnosisPage], images: list[Path], paths: Paths
) -> None:
    first, second = opened(), opened()
    take(qtbot, first, images[:1])
    first.patient.editors["name"].setText("Ada")
    second.patient.editors["name"].setText("Bob")
    qtbot.waitUntil(lambda: len(files(paths)) == 2, timeout=PATIENCE_MS)
    assert not first.commands.other.isVisible(), "what a window has is offered to no other one"
    close(first)
    os.utime(files(paths)[0], (1, 1))  # long ago
    close(second)

    again = opened()
    assert again.patient.fields().name == "Bob", "the latest comes first"
    assert again.commands.other.isVisible()
    assert again.unfinished.notice.text.endswith("There is another one in the Diagnosis menu.")
    again.commands.other.trigger()
    assert again.patient.fields().name == "Ada"
    assert [image.path for image in again.model.images] == images[:1]
    again.patient.editors["site"].setText("left arm")
    qtbot.waitUntil(again.commands.other.isVisible, timeout=PATIENCE_MS)
    again.commands.other.trigger()
    assert again.patient.fields().name == "Bob"
    assert again.patient.fields().site == ""
    qtbot.waitUntil(again.commands.other.isVisible, timeout=PATIENCE_MS)
    kept = {case_of(file.read_text(encoding="utf-8")).patient.name: file for file in files(paths)}
    assert set(kept) == {"Ada", "Bob"}
    assert case_of(kept["Ada"].read_text(encoding="utf-8")).patient.site == "left arm"


def test_images_from_elsewhere_do_not_mix_with_a_case_that_nobody_has_seen(
    qtbot: QtBot,
    opened: Callable[[], DiagnosisPage],
    images: list[Path],
) -> None:
    page = opened()
    take(qtbot, page, images[:2])
    page.patient.editors["name"].setText("Ada")
    close(page)

    again = opened()
    again._seen = False  # as it is when another page hands images over
    take_apart = [images[2]]
    again.add_images(take_apart)
    qtbot.waitUntil(lambda: [image.path for image in again.model.images] == take_apart, timeout=PATIENCE_MS)
    assert again.patient.fields().name == ""
    aside = "Your unfinished diagnosis was set aside."
    qtbot.waitUntil(lambda: again.unfinished.notice.text == aside, timeout=PATIENCE_MS)
    again.unfinished.notice.acted.emit()
    assert [image.path for image in again.model.images] == images[:2]
    assert again.patient.fields().name == "Ada"


def test_the_demo_shows_its_images_apart(
    qtbot: QtBot, opened: Callable[[], DiagnosisPage], images: list[Path]
) -> None:
    page = opened()
    take(qtbot, page, images[:1])
    page.show_apart(images[1:])
    qtbot.waitUntil(lambda: [image.path for image in page.model.images] == images[1:], timeout=PATIENCE_MS)
    qtbot.waitUntil(page.commands.other.isVisible, timeout=PATIENCE_MS)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        '{"version": 2, "patient": {"name": "Ada"}}',
        '{"version": 1, "images": [{"path": "a", "rotation": NaN}]}',
    ],
)
def test_a_file_that_is_not_understood_is_neither_used_nor_touched(
    opened: Callable[[], DiagnosisPage], paths: Paths, content: str
) -> None:
    paths.unfinished.mkdir(parents=True)
    file = paths.unfinished / "1.json"
    file.write_text(content)
    page = opened()
    assert page.model.case.empty
    page.patient.editors["name"].setText("Bob")
    close(page)
    assert file.read_text() == content
    assert opened().patient.fields().name == "Bob"


def test_a_folder_that_cannot_be_written_is_said_once(
    qtbot: QtBot, opened: Callable[[], DiagnosisPage], paths: Paths
) -> None:
    page = opened()
    paths.unfinished.rename(paths.data / "hidden")
    paths.unfinished.write_text("in the way")
    page.patient.editors["name"].setText("Ada")
    qtbot.waitUntil(page.unfinished.notice.isVisible, timeout=PATIENCE_MS)
    assert page.unfinished.notice.text.startswith("Cannot write")
    page.unfinished.notice.clear()
    page.patient.editors["name"].setText("Ada B")
    page.unfinished.keeper.close()
    QCoreApplication.processEvents()
    assert not page.unfinished.notice.isVisible()


def test_a_folder_that_knows_no_locks_is_said(
    opened: Callable[[], DiagnosisPage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skindesk.models.diagnosis.kept_case.try_lock", lambda _handle: False)
    page = opened()
    assert page.unfinished.notice.text.startswith("Unfinished diagnoses cannot be saved: files in")


@pytest.mark.skipif(sys.platform != "linux", reason="only there a file's name can be any bytes")
def test_a_name_that_is_not_unicode_is_kept(
    qtbot: QtBot, opened: Callable[[], DiagnosisPage], tmp_path: Path
) -> None:
    name = tmp_path / os.fsdecode(b"l\xe4sion.png")
    name.touch()
    page = opened()
    take(qtbot, page, [name])
    close(page)
    (image,) = opened().model.images
    assert image.path == name
    assert image.state is ImageState.ERROR


_HOLD = """
import sys
from pathlib import Path
from skindesk.models.diagnosis.kept_case import claim_place
place = claim_place(Path(sys.argv[1]), "latest")
place.store(place.file, '{"version": 1, "patient": {"name": "Ada"}}')
print(place.file.name, flush=True)
sys.stdin.read()
"""


def test_a_file_of_another_process_is_free_when_that_is_killed(paths: Paths) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(paths.unfinished)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "1.json\n"
    ours = claim_place(paths.unfinished, "latest")
    assert ours is not None
    assert (ours.file.name, ours.case) == ("2.json", None)
    other.kill()
    other.communicate()
    left = claim_place(paths.unfinished, "other")
    assert left is not None
    assert left.file.name == "1.json"
    assert left.case is not None
    assert left.case.patient.name == "Ada"
    ours.release()
    left.release()


_TYPE_AND_CLOSE = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from skindesk.app import SkinDesk, make_application
from skindesk.paths import Paths
application = make_application([])
program = SkinDesk(Paths.standard())
program.settings.set_value("keep_patient", True)
program.window.show()
page = program.window.page("diagnosis")
print(page.patient.editors["name"].text(), flush=True)
page.patient.editors["name"].setText(sys.argv[1])
QTimer.singleShot(0, program.window.close)
application.exec()
"""


def test_what_was_typed_a_moment_before_the_window_closed_is_there_at_the_next_start(tmp_path: Path) -> None:
    def run(name: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", _TYPE_AND_CLOSE, name],
            env=os.environ | {"SKINDESK_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"},
            cwd=REPOSITORY,
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        ).stdout

    assert run("Ada") == "\n"
    assert run("Bob") == "Ada\n"


@pytest.mark.parametrize("content", [b"[" * 200_000, b'{"version": 1, "patient": {"name": "\xff"}}'])
def test_a_file_that_no_reader_takes_is_left_alone(paths: Paths, content: bytes) -> None:
    paths.unfinished.mkdir(parents=True)
    file = paths.unfinished / "1.json"
    file.write_bytes(content)
    place = claim_place(paths.unfinished, "latest")
    assert place is not None
    assert place.file != file
    assert file.read_bytes() == content
    place.release()
