"""A machine whose only fonts are those that matplotlib brings along: a report and a page are laid out as elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

from tests.skindesk.reports_reading import ReadPdf, needs_poppler
from trainer import RESEARCH_ONLY

_SHOWN = r"""
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication, QPushButton

from skindesk.pages.dataset.start import StartView
from skindesk.reports.content import ClassMetric, ReportMetric
from skindesk.reports.pdf import write_diagnosis_pdf
from skindesk.widgets.plots.curve_compare import CurveCompare, RunCurves
from tests.skindesk.made_runs import make_epochs
from tests.skindesk.reports_reading import MODEL, diagnosis, image

program = QApplication([])
sure = ReportMetric("", "100.0\u00a0%", "100.0–100.0\u00a0%")
model = replace(MODEL, class_metrics=tuple(ClassMetric(name, sure, sure, 1234) for name in MODEL.classes))
shown = image("\ue0f7 皮肤.jpg")
certain = {name: float(name == "mel") for name in model.classes}
shown = replace(shown, prediction=msgspec.structs.replace(shown.prediction, probabilities=certain))
write_diagnosis_pdf(diagnosis([shown], model=model), Path(sys.argv[1]))

long = Path(sys.argv[1]).with_name("Images of the year, by the second camera, with all that came later.db")
page = StartView()
page.resize(784, 560)
page.show()
page.show_recent([long])
while not page.recent.isVisible():
    program.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
for button in page.findChildren(QPushButton):
    assert button.width() >= button.sizeHint().width(), button.text()

curves = CurveCompare()
curves.show_runs([RunCurves(long.stem, tuple(make_epochs([0.5])))], [long.stem])
curves.metrics.buttons["recall"].click()
assert curves.minimumSizeHint().width() <= 784
"""


@needs_poppler
@pytest.mark.skipif(sys.platform != "linux", reason="only there can a program be shown other fonts")
def test_a_report_and_a_page_fit_with_dejavu_sans_as_the_only_font(tmp_path: Path) -> None:
    fonts = Path(mpl.get_data_path()) / "fonts" / "ttf"
    config = f"<fontconfig><dir>{fonts}</dir><cachedir>{tmp_path}/cache</cachedir></fontconfig>"
    (tmp_path / "fonts.conf").write_text(f'<?xml version="1.0"?>{config}', encoding="utf-8")
    subprocess.run(
        [sys.executable, "-c", _SHOWN, tmp_path / "report.pdf"],
        env=os.environ | {"FONTCONFIG_FILE": str(tmp_path / "fonts.conf"), "QT_QPA_PLATFORM": "offscreen"},
        cwd=Path(__file__).resolve().parents[2],
        check=True,
        timeout=120,
    )
    report = ReadPdf(tmp_path / "report.pdf")
    assert {font.name.split("+")[-1] for font in report.fonts()} == {"DejaVuSans", "DejaVuSans-Bold"}
    for number, page in enumerate(report.pages, start=1):
        assert "%" not in {line.strip() for line in page.splitlines()}  # each beside its figure
        words = report.words(number)
        statement = next(word for word in reversed(words) if word.text == RESEARCH_ONLY.split()[-1])
        assert statement.right + 6 < next(word.left for word in reversed(words) if word.text == "Page")
    assert "[U+E0F7] [U+76AE U+80A4].jpg" in report.flowing
