"""The thread that keeps a file at its latest content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from skindesk.writer import FileWriter
from trainer.files import write_text

if TYPE_CHECKING:
    from pathlib import Path


def test_the_last_content_is_in_the_file_once_it_is_flushed(tmp_path: Path) -> None:
    file, said = tmp_path / "kept.txt", list[str]()
    writer = FileWriter(file, said.append)
    for number in range(100):
        writer.write(str(number))
    writer.flush()
    assert file.read_text() == "99"
    assert 1 <= len(said) <= 2
    assert set(said) == {""}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_costs_one_content_and_not_those_after_it(tmp_path: Path) -> None:
    def store(path: Path, content: str) -> None:
        if content == "bad":
            raise ValueError(content)
        write_text(path, content)

    file = tmp_path / "kept.txt"
    writer = FileWriter(file, lambda _sentence: None, store)
    writer.write("bad")
    writer.flush()
    writer.write("good")
    writer.flush()
    assert file.read_text() == "good"
