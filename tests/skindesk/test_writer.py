"""A file is kept at its latest content, in the background and to the end of the process."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from skindesk.background import UNEXPECTED
from skindesk.writer import FileWriter
from trainer.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LEAVE_AT_ONCE = """
import sys
from pathlib import Path
from skindesk.settings import Settings
Settings(Path(sys.argv[1])).set_value("paper", "Letter")
sys.exit(3)
"""


class Listener:
    def __init__(self) -> None:
        self.said: list[str] = []

    def hear(self, sentence: str) -> None:
        self.said.append(sentence)


def test_the_last_content_is_in_the_file_once_it_is_flushed(qapp: QCoreApplication, tmp_path: Path) -> None:
    file, listener = tmp_path / "kept.txt", Listener()
    writer = FileWriter(file, listener.hear)
    for number in range(100):
        writer.write(str(number))
    writer.flush()
    assert file.read_text() == "99"
    qapp.sendPostedEvents()
    assert 1 <= len(listener.said) <= 2
    assert set(listener.said) == {""}


def test_a_defect_costs_one_content_and_not_those_after_it(
    qapp: QCoreApplication, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def store(path: Path, content: str) -> None:
        if content == "bad":
            raise ValueError(content)
        write_text(path, content)

    file = tmp_path / "kept.txt"
    listener = Listener()
    writer = FileWriter(file, listener.hear, store)
    writer.write("bad")
    writer.flush()
    writer.write("good")
    writer.flush()
    qapp.sendPostedEvents()
    assert file.read_text() == "good"
    assert listener.said == [UNEXPECTED, ""]
    assert caplog.text.count("ValueError: bad") == 1


def test_a_process_does_not_end_before_the_last_content_is_written(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    left = subprocess.run([sys.executable, "-c", LEAVE_AT_ONCE, file], check=False)
    assert left.returncode == 3
    assert '"Letter"' in file.read_text()
