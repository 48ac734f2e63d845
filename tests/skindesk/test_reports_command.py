"""`skindesk report`: the whole way from files to a PDF in processes of their own, and what goes wrong on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from skindesk.engine import ask
from skindesk.engine.ask import EngineDefectError, ask_once
from skindesk.reports import command
from tests.skindesk.made_runs import make_run
from tests.skindesk.reports_reading import ReadPdf, needs_poppler
from trainer.errors import StoppedError, TrainerError
from trainer.events import Progress, Said
from trainer.protocol.diagnosis import Warm, WarmUp
from trainer.protocol.lines import Answered, Heard, Ready, Refused, encode_line

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Two images that can be read and one that cannot."""
    paths = [tmp_path / "spot one.png", tmp_path / "Fleck zwei ß.png", tmp_path / "broken.jpg"]
    Image.new("RGB", (48, 40), (180, 120, 90)).save(paths[0])
    Image.new("RGB", (64, 40), (90, 60, 50)).save(paths[1])
    paths[2].write_bytes(b"\xff\xd8\xff no image")
    return paths


@needs_poppler
def test_a_report_is_made_without_a_screen(tiny_run: Path, pictures: list[Path], tmp_path: Path) -> None:
    file = tmp_path / "out" / "report.pdf"
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"}
    }
    words = [tiny_run / "bundle", *pictures, "--together", "--out", file, "--paper", "Letter"]
    patient = ["--patient-name", "Jane <Doe>", "--age", "65", "--notes", "one\ntwo"]
    done = subprocess.run(
        [sys.executable, "-m", "skindesk", "report", *map(str, words), *patient],
        capture_output=True,
        text=True,
        env=environment,
        cwd=REPOSITORY,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = ReadPdf(file)
    assert done.stdout == f"{file} ({len(report.pages)} pages)\n"
    assert done.stderr.count("\n") == 1
    assert "broken.jpg cannot be used because" in done.stderr
    assert report.info["Page size"] == "612 x 792 pts (letter)"
    for sentence in (
        "Jane <Doe>",
        "The images together, as one lesion",
        "1. spot one.png",
        "2. Fleck zwei ß.png",
        "3. broken.jpg could not be read",
        "48 × 40 pixels",
    ):
        assert sentence in report.flowing, sentence
    assert str(tmp_path) not in report.text


def test_nothing_is_written_if_no_image_can_be_read(
    tiny_run: Path, pictures: list[Path], tmp_path: Path
) -> None:
    file = tmp_path / "report.pdf"
    code = (
        "import sys; from skindesk.reports import command; status = command.run(sys.argv[1:]);"
        "assert 'tensorflow' not in sys.modules; sys.exit(status)"
    )
    words = [tiny_run / "bundle", pictures[2], "--out", file]
    said = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert said.returncode == 2, said.stderr
    assert said.stdout == ""
    assert said.stderr.startswith("Error: ")
    assert "broken.jpg cannot be used because" in said.stderr
    assert said.stderr.count("\n") == 1
    assert not file.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Missing argument 'BUNDLE'; see `skindesk report --help`."),
        (["bundle"], "Missing argument 'IMAGE'; see `skindesk report --help`."),
        (["bundle", "image.jpg"], "Missing option '--out'; see `skindesk report --help`."),
        (["bundle", "image.jpg", "--out", "x.pdf", "--paper", "A3"], "'A3' is not one of 'A4', 'Letter'"),
        (["bundle", "image.jpg", "--out", "x.pdf", "--colour"], "No such option: --colour"),
        (["bundle", "image.jpg", "--ou", "x.pdf"], "No such option: --ou"),
        (["no bundle", "image.jpg", "--out", "x.pdf"], "There is no bundle at no bundle"),
        (["no bundle", "image.jpg", "--out", "/"], "/ is a folder; give --out a file name."),
        (
            ["x", "image.jpg", "--out", __file__, "--separate"],
            "is a file; with --separate, give --out a folder.",
        ),
        (
            ["x", "image.jpg", "--out", "y", "--separate", "--together"],
            "--together needs all images in one report",
        ),
    ],
)
def test_wrong_arguments_are_said_in_a_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_is_shown(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run([word]) == 0
    assert "--patient-name" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("raised", "status", "sentence"),
    [
        (KeyboardInterrupt(), 3, "Stopped; no report was written."),
        (StoppedError("Stopped on request."), 3, "Stopped on request."),
        (TrainerError("This cannot be done."), 2, "Error: This cannot be done."),
        (EngineDefectError("The engine ended unexpectedly."), 1, "The engine ended unexpectedly."),
        (RuntimeError("nobody thought of this"), 1, "This is a bug in SkinDesk"),
    ],
)
def test_the_exit_status_says_how_it_ended(
    raised: BaseException,
    status: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def asked(_job: object) -> None:
        raise raised

    monkeypatch.setattr(command, "ask_once", asked)
    folder = make_run(tmp_path / "run")
    assert command.run([str(folder / "bundle"), "image.jpg", "--out", str(tmp_path / "x.pdf")]) == status
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "x.pdf").exists()


# --- the engine, played by a small script -------------------------------------------------------------------


def _play(monkeypatch: pytest.MonkeyPatch, *lines: bytes, then: str = "") -> None:
    """Have the engine be a script that reads the request, says these lines, and goes on with `then`."""
    said = b"".join(lines)
    script = f"import os, sys\nsys.stdin.buffer.readline()\nos.write(1, {said!r})\n{then}"
    monkeypatch.setattr(ask, "own_command", lambda *_words: [sys.executable, "-c", script])


READY = encode_line(Ready(version="0", pid=1))


def test_events_are_heard_and_the_answer_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    event = Progress(task="Predicting", done=1, total=2, unit="images")
    _play(
        monkeypatch, READY, encode_line(Heard(id=1, event=event)), encode_line(Answered(id=1, result=Warm()))
    )
    heard: list[object] = []
    assert ask_once(WarmUp(), heard.append) == Warm()
    assert heard == [event]


@pytest.mark.parametrize(
    ("kind", "error"), [("failed", TrainerError), ("stopped", StoppedError), ("defect", EngineDefectError)]
)
def test_a_refusal_is_raised_as_what_it_is(
    kind: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    _play(monkeypatch, READY, encode_line(Refused(id=1, kind=kind, message="It is so.")))  # type: ignore[arg-type]
    with pytest.raises(error, match="It is so"):
        ask_once(WarmUp())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
def test_a_crash_is_told_with_the_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    crash = "sys.stderr.write('last words'); sys.stderr.flush(); os.kill(os.getpid(), 9)"
    _play(monkeypatch, READY, encode_line(Heard(id=1, event=Said(message="begun"))), then=crash)
    with pytest.raises(EngineDefectError, match=r"(?s)ended unexpectedly.*SIGKILL.*last words"):
        ask_once(WarmUp())


def test_an_engine_that_does_not_leave_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "_LEAVING_SECONDS", 0.2)
    answer = encode_line(Answered(id=1, result=Warm()))
    _play(monkeypatch, READY, answer, then="import time\ntime.sleep(600)")
    assert ask_once(WarmUp()) == Warm()
