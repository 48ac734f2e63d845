"""The program's entry: what it answers without a window, and what it says where there is no screen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skindesk.paths import new_folder
from trainer import __version__

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    return subprocess.run(
        [sys.executable, "-m", "skindesk", *words],
        env=kept | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_version_and_help_need_no_screen() -> None:
    assert run("--version", QT_QPA_PLATFORM="").stdout == f"SkinDesk {__version__}\n"
    assert "usage: skindesk" in run("--help", QT_QPA_PLATFORM="").stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only there a program can be without a screen")
@pytest.mark.parametrize("display", ["", ":987"])
def test_without_a_screen_the_command_line_is_named(display: str) -> None:
    ran = run("--demo", QT_QPA_PLATFORM="", DISPLAY=display)

    assert ran.returncode == 2
    assert "python -m trainer demo" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_wrong_arguments_are_answered_with_the_usage() -> None:
    ran = run("--no-such-thing")

    assert (ran.returncode, ran.stdout) == (2, "")
    assert "usage" in ran.stderr


def test_the_trainers_command_line_is_reached_without_qt() -> None:
    code = (
        "import sys; from skindesk.__main__ import main; status = main(['trainer', '--help']);"
        "assert not any(name.startswith('PySide6') for name in sys.modules); sys.exit(status)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
    assert "import" in ran.stdout


def test_nothing_heavy_is_loaded_before_the_window_is_painted(tmp_path: Path) -> None:
    code = """
import sys
from skindesk.app import SkinDesk, make_application
from skindesk.paths import Paths
application = make_application([])
program = SkinDesk(Paths.standard())
def seen():
    heavy = {"tensorflow", "keras", "pandas", "pyqtgraph", "sklearn", "matplotlib", "scipy", "typer"}
    print(sorted(heavy & set(sys.modules)))
    program.engines.close(10)
    application.exit()
program.window.painted.connect(seen)
program.window.show()
application.exec()
"""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"SKINDESK_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert ran.stdout == "[]\n", ran.stderr


def test_folders_are_named_for_their_title_and_never_taken_twice(tmp_path: Path) -> None:
    first = new_folder(tmp_path, "Xception: balanced / 2")
    first.mkdir()

    assert first.name == "Xception balanced 2"
    assert new_folder(tmp_path, "Xception: balanced / 2") != first
    assert new_folder(tmp_path, "???").name == "run"
    assert len(new_folder(tmp_path, "x" * 300).name) <= 60
