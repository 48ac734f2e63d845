"""`skindesk batch`: the whole way from a folder to its tables in processes of their own, and what goes wrong on it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from skindesk import __main__
from skindesk.reports import batch_command
from trainer import RESEARCH_ONLY

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images that can be read and one that cannot."""
    folder = tmp_path / "images"
    folder.mkdir()
    Image.new("RGB", (48, 40), (180, 120, 90)).save(folder / "Fleck ß.png")
    Image.new("RGB", (64, 40), (90, 60, 50)).save(folder / "spot.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    return folder


def test_a_folder_becomes_tables_without_a_screen(tiny_run: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [tiny_run / "bundle", folder, "--out", out]
    done = subprocess.run(
        [sys.executable, "-m", "skindesk", "batch", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said, note = done.stdout.splitlines()
    assert said.startswith(f"{out}: 3 images; 1 cannot be read; ")
    assert note == RESEARCH_ONLY
    assert "Predicting: 3 of 3 images" in done.stderr
    rows = json.loads((out / "predictions.json").read_text())["predictions"]
    assert [Path(row["path"]).name for row in rows] == ["Fleck ß.png", "broken.jpg", "spot.png"]
    assert "cannot be used because" in rows[1]["error"]
    assert {"predictions.csv", "predictions.xlsx"} <= {file.name for file in out.iterdir()}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Missing argument 'BUNDLE'; see `skindesk batch --help`."),
        (("here", "there"), "Missing option '--out'; see `skindesk batch --help`."),
        (("here", "there", "--out", "x"), "There is no bundle at here; check the path."),
    ],
)
def test_wrong_arguments_are_said_in_a_sentence(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert __main__.main(["batch", *words]) == 2
    assert capsys.readouterr().err == f"Error: {sentence}\n"


def test_after_ctrl_c_it_says_how_to_go_on(
    tiny_run: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(batch_command, "ask_once", interrupted)
    assert batch_command.run([str(tiny_run / "bundle"), str(folder), "--out", "x"]) == 3
    assert capsys.readouterr().err.endswith("run the same command again to resume.\n")
