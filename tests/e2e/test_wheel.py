"""A wheel holds all that the program needs, and works where there is no checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = ("LICENSE", "README.md", "pyproject.toml", "resources", "setup.py", "skindesk", "trainer")
PIP = ("-m", "pip", "--disable-pip-version-check")


def run(folder: Path, *words: object, **environment: str) -> str:
    """Return what Python prints when it is run in a folder, without the checkout on its path."""
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built from a copy, since building leaves files behind."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (CHECKOUT / name).is_dir():
            shutil.copytree(CHECKOUT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(CHECKOUT / name, source / name)
    run(out, *PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", out, source)
    shutil.rmtree(source)
    (file,) = out.glob("*.whl")
    return file


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_wheel_holds_the_modules_and_the_resources(wheel: Path) -> None:
    resources = {name for name in files_below(CHECKOUT / "resources") if not name.startswith("readme/")}
    modules = {
        f"{package}/{name}"
        for package in ("trainer", "skindesk")
        for name in files_below(CHECKOUT / package)
        if "__pycache__" not in name
    }
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert found == modules | {f"skindesk/resources/{name}" for name in resources}


def test_a_wheel_passes_the_self_test_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "site packages"
    run(tmp_path, *PIP, "install", "--no-deps", "--no-index", "--target", place, wheel)
    environment = {"PYTHONPATH": str(place), "QT_QPA_PLATFORM": "offscreen"}
    where = "import skindesk, trainer; print(skindesk.__file__); print(trainer.__file__)"
    files = [str(place / package / "__init__.py") for package in ("skindesk", "trainer")]
    assert run(tmp_path, "-c", where, **environment).splitlines() == files
    assert run(tmp_path, "-m", "skindesk", "--self-test", **environment).endswith("Everything works.\n")
