"""The doctor's report."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import keras
import matplotlib as mpl
import msgspec
import pytest

from trainer.commands.doctor import DoctorReport, doctor_report
from trainer.devices.choosing import Probe


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("SKINDESK_WEIGHTS_DIR", raising=False)
    monkeypatch.delenv("SKINDESK_CACHE_DIR", raising=False)


def test_versions_devices_weights_and_room_are_told(tmp_path: Path) -> None:
    (tmp_path / "xception_imagenet_notop.weights.h5").write_bytes(b"weights")

    report = doctor_report(weights_dir=tmp_path, cache_folder=tmp_path / "not" / "yet", probe=Probe)

    assert report.versions["keras"] == keras.__version__
    assert report.weights == {
        "inceptionv3": None,
        "xception": str(tmp_path / "xception_imagenet_notop.weights.h5"),
        "resnet50v2": None,
        "densenet121": None,
    }
    assert report.cache_free_bytes > 0
    text = report.describe()
    assert f"keras {keras.__version__}" in text
    assert "densenet121: downloaded on first use" in text
    assert report.device in text
    assert "For research and teaching only." in text


def test_the_report_survives_json() -> None:
    report = doctor_report(probe=Probe)
    assert msgspec.json.decode(msgspec.json.encode(report), type=DoctorReport) == report


def test_a_weights_folder_that_is_not_there_is_a_problem_and_no_failure(tmp_path: Path) -> None:
    report = doctor_report(weights_dir=tmp_path / "nowhere", probe=Probe)
    assert any("does not exist" in problem for problem in report.problems)
    assert f"Problem: The weights folder {tmp_path / 'nowhere'}" in report.describe()


@pytest.mark.skipif(shutil.which("fc-list") is None, reason="fontconfig's tools are not installed")
def test_scripts_that_no_font_has_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"  # DejaVu Sans, and a font of boxes for every letter
    config = f"<fontconfig><dir>{fonts}</dir><cachedir>{tmp_path}/cache</cachedir></fontconfig>"
    (tmp_path / "fonts.conf").write_text(f'<?xml version="1.0"?>{config}', encoding="utf-8")
    monkeypatch.setenv("FONTCONFIG_FILE", str(tmp_path / "fonts.conf"))
    report = doctor_report(probe=Probe)
    assert report.scripts_without_font is not None
    assert {"Chinese", "Japanese", "Korean", "Devanagari", "Thai"} <= set(report.scripts_without_font)
    assert not {"Greek", "Cyrillic", "Arabic"} & set(report.scripts_without_font)
    assert "Fonts: none for " in report.describe()


def test_the_doctor_does_not_import_tensorflow() -> None:
    code = (
        "import sys; from trainer.devices.choosing import Probe; from trainer.commands.doctor import doctor_report;"
        "doctor_report(probe=Probe); print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
