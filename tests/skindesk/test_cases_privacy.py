"""A name that is typed into a case stays in the files of cases: no log, setting, cache or file name has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "Zebulon Quexley"
_TYPE_SAVE_AND_FAIL = """
import sys
import time
from pathlib import Path
from PySide6.QtCore import QTimer
from skindesk.app import SkinDesk, make_application
from skindesk.crash import install_crash_handler
from skindesk.paths import Paths
from PySide6.QtTest import QTest

name, image = sys.argv[1], Path(sys.argv[2])
application = make_application([])
paths = Paths.standard()
program = SkinDesk(paths)
program.engines.diagnosis.begin_close()  # it is not needed, and takes seconds to start
install_crash_handler(paths, program.settings.flush)
window = program.window
window.show()


def until(reached):
    deadline = time.monotonic() + 30.0
    while not reached():
        assert time.monotonic() < deadline
        QTest.qWait(20)


window.show_page("diagnosis")
page = window.page("diagnosis")
page.add_images([image])
until(lambda: page.model.images and page.model.images[0].size)
page.patient.unfold()
page.patient.keep.setChecked(True)
for field, editor in page.patient.editors.items():
    editor.set_content(f"{name} {field}")
page.commands.keep.trigger()
until(lambda: page.notice.text == "Saved as case 1.")
window.show_page("cases")
cases = window.page("cases")
until(lambda: cases.detail.note.isVisible())
cases.search.setText(name)
cases.detail.note.field.setPlainText(f"{name} itches")
cases.detail.confirmed.class_name.lineEdit().setText(name)
cases.detail.confirmed.class_name.lineEdit().editingFinished.emit()
cases.detail.note.settle()
until(lambda: program.cases.cases and f"{name} itches".casefold() in program.cases.cases[0].text)


def fail():
    opened = cases.detail._opened
    raise RuntimeError(f"something about case {opened.summary.number}")


QTimer.singleShot(0, fail)
QTimer.singleShot(0, window.close)
application.exec()
"""


def test_a_name_typed_into_a_case_is_in_no_other_file(small_folder: Path, tmp_path: Path) -> None:
    image = min((small_folder / "images").glob("*.png"))
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-c", _TYPE_SAVE_AND_FAIL, NAME, str(image)],
        env=os.environ | {"SKINDESK_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"},
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        timeout=120,
    )
    first, last = NAME.encode().split()
    files = [file for file in home.rglob("*") if file.is_file()]
    holding = {file.relative_to(home).parts[:2] for file in files if last in file.read_bytes()}
    assert holding == {("data", "cases"), ("data", "unfinished")}
    assert "something about case 1" in (home / "log" / "window.log").read_text()
    assert (home / "config" / "settings.json").is_file()
    assert not any(part in os.fsencode(path) for path in home.rglob("*") for part in (first, last))
    assert last not in done.stdout + done.stderr
