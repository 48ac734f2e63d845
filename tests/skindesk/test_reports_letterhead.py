"""Heading and logo at the top of reports, and reports of many images as one file or many."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from skindesk.reports.letterhead import read_letterhead
from skindesk.reports.orders import AskedImage, DiagnosisOrder, Letterhead, TrainingOrder
from skindesk.reports.writing import write
from tests.skindesk.made_runs import make_run
from tests.skindesk.reports_reading import ReadPdf, needs_poppler
from trainer.images.framing import ImageView
from trainer.predictions import Prediction

pytestmark = pytest.mark.usefixtures("qapp")

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="20"><rect width="80" height="20" fill="#00A050"/></svg>'
HEADING = "Clinic at the Lake & Sons"


def _png() -> bytes:
    with io.BytesIO() as stream:
        Image.new("RGBA", (80, 20), (0, 160, 80, 255)).save(stream, "PNG")
        return stream.getvalue()


@pytest.fixture
def order(tmp_path: Path) -> DiagnosisOrder:
    """A report of three images, one of which cannot be read."""
    bundle = make_run(tmp_path / "run") / "bundle"
    images = []
    for name in ("spot.png", "a/b?.png", "spot.png"):
        path = tmp_path / Path(name).name
        Image.new("RGB", (48, 40), (180, 120, 90)).save(path)
        said = Prediction(path=str(path), probabilities={"bkl": 0.1, "mel": 0.7, "nv": 0.2}, predicted="mel")
        images.append(AskedImage(ImageView(path=str(path)), said))
    images.append(AskedImage(ImageView(path="gone.png"), Prediction(path="gone.png", error="It is gone.")))
    return DiagnosisOrder(bundle=str(bundle), images=tuple(images), file=str(tmp_path / "out.pdf"))


@needs_poppler
@pytest.mark.parametrize(("name", "content"), [("logo.svg", SVG.encode()), ("logo.PNG", _png())])
def test_heading_and_logo_stand_at_the_top(
    order: DiagnosisOrder, tmp_path: Path, name: str, content: bytes
) -> None:
    logo = tmp_path / name
    logo.write_bytes(content)
    letterhead = Letterhead(HEADING, str(logo))
    assert write(msgspec.structs.replace(order, letterhead=letterhead)).notes == ()
    run = TrainingOrder(
        run=str(Path(order.bundle).parent), file=str(tmp_path / "run.pdf"), letterhead=letterhead
    )
    write(run)
    for file, title in ((order.file, "Skin lesion report"), (run.file, "Training report")):
        report = ReadPdf(Path(file))
        assert report.text.index(HEADING) < report.text.index(title)
        pixels = report.picture(1, 72, tmp_path).crop((300, 40, 595, 120)).getcolors(1 << 20)
        colour = max(pixels or [], key=lambda pair: pair[0] * (pair[1] != (255, 255, 255)))[1]
        assert colour == pytest.approx((0, 160, 80), abs=3)  # bitmaps are stored as JPEG


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gone.png", None),
        ("logo.png", b"no image"),
        ("cut.png", _png()[:60]),
        ("logo.svg", b"<svg"),
        ("text.svg", b"no drawing"),
        ("page.svg", b"<html></html>"),
    ],
)
def test_a_logo_that_cannot_be_used_is_said_and_the_report_made(
    order: DiagnosisOrder, tmp_path: Path, name: str, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    letterhead = Letterhead(HEADING, str(tmp_path / name))
    read = read_letterhead(letterhead)
    assert read.logo is None
    assert read.problem.startswith(f"The logo {name} cannot be used (")
    assert str(tmp_path) not in read.problem
    if content is None:
        written = write(msgspec.structs.replace(order, letterhead=letterhead))
        assert written.notes == (read.problem,)
        assert Path(order.file).is_file()


@needs_poppler
def test_images_are_reported_each_in_a_file_of_its_own(order: DiagnosisOrder, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    together = order.images[0].prediction
    written = write(msgspec.structs.replace(order, file=str(folder), separate=True, together=together))
    files = sorted(file.name for file in folder.iterdir())
    assert files == ["1 spot.pdf", "2 b.pdf", "3 spot.pdf", "4 gone.pdf"]
    assert len(written.pages) == 4
    text = ReadPdf(folder / "2 b.pdf").text
    assert "b?.png" in text
    assert "spot.png" not in text
    assert "together, as one lesion" not in text
    assert "could not be read" in ReadPdf(folder / "4 gone.pdf").text
