"""The PDF of a diagnosis, read back by poppler: the right words, numbers, letters, pages and pictures."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from PySide6.QtGui import QFontDatabase, QImage, QTextLayout

from skindesk.models.diagnosis.patient import PatientFields
from skindesk.reports.content import ReportImage
from skindesk.reports.layout import fonts
from skindesk.reports.layout.canvas import TRACK
from skindesk.reports.layout.fonts import missing_letters, report_font
from skindesk.reports.overlay import overlaid
from skindesk.reports.pdf import write_diagnosis_pdf
from tests.skindesk.reports_reading import (
    MODEL,
    RULE,
    ReadPdf,
    diagnosis,
    flagged_image,
    grey_picture,
    image,
    needs_poppler,
    poor_image,
    prediction,
    unread_image,
    with_verdict,
)
from trainer import RESEARCH_ONLY, __version__
from trainer.dataset.classes.names import full_name
from trainer.errors import ConfigError, StorageError
from trainer.images.evidence import CAUTION, EvidenceMap
from trainer.images.framing import ImageView
from trainer.palette import class_colour
from trainer.predictions import SimilarCase, SimilarCases

pytestmark = [needs_poppler, pytest.mark.usefixtures("qapp")]

JANE = PatientFields(
    name="Jane Müller-Groß",
    patient_id="2026-0451",
    born="1961-03-09",
    sex="female",
    age="65",
    site="back, left shoulder blade",
    examiner="A. Fischer",
    notes="Changed over six months.\nAsymmetric border.",
)


def _written(tmp_path: Path, *args: ReportImage, patient: PatientFields | None = None) -> ReadPdf:
    write_diagnosis_pdf(diagnosis(args or (image(),), patient), tmp_path / "report.pdf")
    return ReadPdf(tmp_path / "report.pdf")


def test_a_report_says_who_what_and_by_which_network(tmp_path: Path) -> None:
    text = _written(tmp_path, image("lesion 7.jpg", warnings=("The image is small.",)), patient=JANE).text
    for word in (JANE.name, JANE.patient_id, JANE.born, JANE.sex, JANE.age, JANE.site, JANE.examiner):
        assert word in text
    for sentence in ("Changed over six months.", "Asymmetric border.", RULE, MODEL.prior, MODEL.geometry):
        assert sentence in text
    for word in (
        "lesion 7.jpg",
        "600 × 450 pixels",
        "The image is small.",
        "2026-07-14",
        f"SkinDesk {__version__}",
    ):
        assert word in text
    for word in (MODEL.name, "Xception", MODEL.bundle_hash, MODEL.dataset, MODEL.split, MODEL.scored):
        assert word in text
    for figure in ("58.9 %", "51.2–65.9 %", "48.6 %", "37.1–59.1 %"):
        assert figure in text


def test_probabilities_stand_beside_their_classes_and_malignant_ones_are_marked_and_summed(
    tmp_path: Path,
) -> None:
    report = _written(tmp_path)
    lines = [" ".join(line.split()) for page in report.pages for line in page.splitlines()]
    for row in (
        "Melanocytic nevus 41.3 %",
        "▲ Melanoma 38.2 %",
        "Benign keratosis 11.9 %",
        "▲ Basal cell carcinoma 4.4 %",
        "▲ Actinic keratosis or intraepithelial carcinoma 2.6 %",
        "Dermatofibroma 1.3 %",
        "Vascular lesion 0.3 %",
    ):
        assert any(line.endswith(row) for line in lines), row
    assert any("Predicted class, malignant" in line for line in lines)
    assert any(line.endswith("▲ Melanoma 45.2 %") for line in lines)  # predicted class, malignant sum
    assert (
        "38.2 %, 4.8 times its share of the training images; melanocytic nevus 41.3 %, 0.6 times"
        in report.text
    )


def test_bars_have_the_length_of_the_probabilities_and_the_colours_of_the_classes(tmp_path: Path) -> None:
    page = _written(tmp_path).picture(1, 288, tmp_path)
    pixels = page.load()
    assert pixels is not None
    for name, probability in (("mel", 0.382), ("nv", 0.413), ("bkl", 0.119)):
        colour = _rgb(class_colour(name, MODEL.classes))
        rows = [[pixels[x, y] for x in range(page.width)] for y in range(page.height)]
        row = max(rows, key=lambda row: row.count(colour))
        filled, empty = row.count(colour), row.count(_rgb(TRACK))
        assert filled / (filled + empty) == pytest.approx(probability, abs=0.01)


def test_a_report_leads_with_the_operating_point_and_states_the_prediction_set(tmp_path: Path) -> None:
    flagged = image("flagged.jpg")
    flagged = replace(flagged, prediction=with_verdict(flagged.prediction, threshold=0.08))
    passed = replace(image("passed.jpg"), prediction=with_verdict(flagged.prediction, threshold=0.5))
    report = _written(tmp_path, flagged, passed)
    assert "Flagged: malignant 45.2 % is above this network's 8.0 % for 95 % sensitivity" in report.flowing
    assert (
        "Not flagged: malignant 45.2 % is below this network's 50.0 % for 95 % sensitivity" in report.flowing
    )
    assert "Prediction set: melanocytic nevus, melanoma, dermatofibroma" in report.flowing
    # What the set promises is said once.
    assert report.flowing.count("In 9 of 10 images of each class from the same source") == 1
    assert "fewer than 9 lesions were set aside to calibrate them: dermatofibroma." in report.flowing
    without = _written(tmp_path).text
    assert "lagged" not in without
    assert "Prediction set" not in without


def _rgb(colour: str) -> tuple[int, int, int]:
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))


def test_fields_that_are_empty_are_not_mentioned(tmp_path: Path) -> None:
    text = _written(tmp_path, patient=PatientFields(age="65")).text
    assert "Age 65" in text
    for title in ("Name Jane", "Patient ID", "Born", "Sex", "Examiner", "Notes"):
        assert title not in text
    assert "Patient" not in _written(tmp_path).text


def test_a_network_that_was_not_scored_says_so(tmp_path: Path) -> None:
    model = replace(MODEL, scored="", metrics=(), class_metrics=(), remarks=("Such figures are optimistic.",))
    write_diagnosis_pdf(diagnosis([image()], model=model), tmp_path / "report.pdf")
    text = ReadPdf(tmp_path / "report.pdf").text
    assert "Not scored on a test part." in text
    assert "Such figures are optimistic." in text
    assert "95 % interval" not in text


def test_images_of_one_lesion_are_reported_together_and_each(tmp_path: Path) -> None:
    report = diagnosis(
        [image("a.jpg"), image("b.jpg"), unread_image("c.jpg")], together=prediction(predicted="nv")
    )
    write_diagnosis_pdf(report, tmp_path / "report.pdf")
    text = ReadPdf(tmp_path / "report.pdf").text
    assert (
        "The images together, as one lesion Predicted class Malignant classes together Melanocytic nevus"
        in text
    )
    assert "1 a.jpg ▲ Melanoma 38.2 % 45.2 %" in text
    assert "3 c.jpg cannot be read" in text
    assert "1. a.jpg" in text
    assert "2. b.jpg" in text
    assert "3. c.jpg could not be read: c.jpg cannot be used because it is cut off" in text
    assert "/home/someone" not in text


def test_an_image_of_another_kind_leads_with_that_and_its_probabilities_are_small(tmp_path: Path) -> None:
    report = _written(tmp_path, flagged_image())
    text = report.flowing
    lead = text.index("Unlike the images this network learned from")
    assert lead < text.index("It is more unusual than all of the 412 validation images.")
    assert "The image is overexposed: 61% of it is white." in text
    assert "Not to be relied on: the network would say Melanoma (Melanocytic nevus 41.3 %, ▲ Melanoma" in text
    assert "Predicted class" not in text
    assert "Malignant classes together" not in text
    page = report.picture(1, 72, tmp_path)
    colours = {colour for _, colour in page.getcolors(1 << 24) or []}
    assert not colours & {_rgb(class_colour(name, MODEL.classes)) for name in ("mel", "nv", "bkl")}


def test_where_the_network_looked_is_shown_beside_its_words(tmp_path: Path) -> None:
    grid = ((1.0, 0.2, 0.0), (0.2, 0.1, 0.0), (0.0, 0.0, 0.0))
    seen = EvidenceMap(method="grad-cam", grid=grid)
    nothing = EvidenceMap(method="grad-cam", grid=((0.0, 0.0), (0.0, 0.0)))
    report = _written(
        tmp_path,
        replace(image("a.jpg"), evidence=seen),
        replace(image("b.jpg"), evidence=nothing),
        replace(flagged_image("c.jpg"), evidence=seen),
    )
    text = report.flowing
    assert text.count("Where the network looked for melanoma (Grad-CAM), most of all inside the line.") == 1
    assert "No part of the image raised the network's score for melanoma." in text
    assert text.count(CAUTION) == 1
    assert len(report.images()) == 4  # three images and one map
    assert CAUTION not in _written(tmp_path).flowing


def test_similar_training_images_are_listed_with_class_distance_and_confirmation(tmp_path: Path) -> None:
    similar = SimilarCases(
        nearest=tuple(
            SimilarCase(sample_id=f"s{n}", hash="0" * 64, class_name=name, confirmed=way, distance=0.1 * n)
            for n, (name, way) in enumerate([("mel", "histo"), ("nv", ""), *[("nv", "follow_up")] * 8])
        ),
        shares={"nv": 0.875, "mel": 0.125},
        of=16,
        left_out=2,
    )
    report = _written(
        tmp_path, replace(image("a.jpg"), similar=similar), replace(flagged_image(), similar=similar)
    )
    assert report.text.count("▲ Melanoma 0.00 histopathology") == 2
    assert "Melanocytic nevus 0.10 –" in report.text
    assert "Melanocytic nevus 0.40 follow-up" in report.text
    assert "0.50" not in report.text  # five are enough
    votes = "Of the 16 most similar lesions: 14 melanocytic nevus, 2 melanoma."
    assert report.flowing.count(votes) == 1  # of the image that is not flagged
    assert report.flowing.count("is among the training images; it is left out here.") == 2
    assert "s3" not in report.text


def test_a_map_lies_where_the_network_looked() -> None:
    grid = ((1.0, 0.0), (0.0, 0.0))
    shown = overlaid(grey_picture(600, 400), EvidenceMap(method="grad-cam", grid=grid), "centre-square")
    scale = shown.width() / 600
    grey = shown.pixelColor(10, 10)
    assert grey.red() == grey.blue()  # left of the network's square
    hot = shown.pixelColor(round(120 * scale), round(20 * scale))
    assert hot.red() > hot.blue() + 20
    cold = shown.pixelColor(round(480 * scale), round(380 * scale))
    assert cold.red() == pytest.approx(grey.red(), abs=4)


def test_an_image_that_is_too_poor_says_so(tmp_path: Path) -> None:
    text = _written(tmp_path, poor_image()).flowing
    assert "The image is too poor to rely on an answer" in text
    assert "The image is too dark." in text
    assert "Unlike the images" not in text
    assert "Not to be relied on" in text


def test_the_overview_and_the_joint_result_say_what_is_flagged(tmp_path: Path) -> None:
    together = msgspec.structs.replace(
        flagged_image().prediction,
        path="",
        unusual=None,
        warnings=("Unlike the images this network learned from: 1 of these 2 images.",),
    )
    report = diagnosis([image("a.jpg"), flagged_image("b.png")], together=together)
    write_diagnosis_pdf(report, tmp_path / "report.pdf")
    text = ReadPdf(tmp_path / "report.pdf").text
    assert "1 a.jpg ▲ Melanoma 38.2 % 45.2 %" in text
    assert "2 b.png Unlike the images this network learned from" in text
    assert (
        "as one lesion Unlike the images this network learned from 1 of these 2 images. Not to be relied on"
        in text
    )


def test_what_was_cut_and_turned_is_said(tmp_path: Path) -> None:
    shown = replace(
        image(), view=ImageView(path="x", rotation=90.0, crop=(0.1, 0.2, 0.5, 0.6)), pixels=(4000, 3000)
    )
    text = _written(tmp_path, shown).flowing
    assert "Part of the image: rotated by 90° clockwise, cropped to 10–60 %" in text
    assert "of the width, 20–80 % of the height" in text
    assert "4,000 × 3,000 pixels" in text


def test_a_picture_that_has_gone_leaves_its_prediction(tmp_path: Path) -> None:
    report = _written(tmp_path, replace(image(), picture=QImage()))
    assert "The picture could not be read again for this report." in report.flowing
    assert "▲ Melanoma 38.2 %" in report.text
    assert report.images() == []


def test_markup_in_a_field_is_printed_as_it_was_typed(tmp_path: Path) -> None:
    typed = "<b>bold</b> & <script>alert('x')</script> <!-- piece --> {{ 7 * 7 }}"
    patient = PatientFields(name=typed, notes=typed)
    text = _written(tmp_path, image("<i>a&b.jpg"), patient=patient).text
    assert text.count(typed) >= 2
    assert "<i>a&b.jpg" in text


# --- letters ----------------------------------------------------------------------------------------------


@pytest.fixture
def dejavu() -> Iterator[None]:
    """Set reports in a family that has ligatures for fi and fl."""
    if "DejaVu Sans" not in QFontDatabase.families():
        pytest.skip("the font DejaVu Sans, which has ligatures, is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fonts, "_FAMILIES", ("DejaVu Sans",))
        fonts.forget_families()
        yield
    fonts.forget_families()


def _glyphs(text: str, *, ligatures: bool) -> int:
    font = report_font(10)
    if ligatures:
        font.setFeature(font.Tag("liga"), 1)
    layout = QTextLayout(text, font)
    layout.beginLayout()
    layout.createLine()
    layout.endLayout()
    return sum(len(run.glyphIndexes()) for run in layout.glyphRuns())


@pytest.mark.usefixtures("dejavu")
def test_no_ligature_hides_letters(tmp_path: Path) -> None:
    assert _glyphs("fi", ligatures=True) == 1  # the font has what must be switched off
    assert _glyphs("fi", ligatures=False) == 2
    words = "office fluffy affix official final flow"
    report = _written(tmp_path, patient=PatientFields(name=words, notes=words))
    assert report.text.count(words) >= 2
    assert any("DejaVuSans" in font.name for font in report.fonts())


def _needs(system: QFontDatabase.WritingSystem) -> None:
    if not QFontDatabase.families(system):
        pytest.skip(f"no font for {system.name} is installed")


def test_latin_letters_are_extracted_as_they_were_typed(tmp_path: Path) -> None:
    words = "Łódź Größe Ångström naïve Çeşme œuvre — “±5 µm” ½ №"
    if missing_letters(words):
        pytest.skip(f"no font has {missing_letters(words)}")
    report = _written(tmp_path, patient=PatientFields(name=words, notes=words))
    assert report.text.count(words) >= 2
    assert "\t" not in "".join(report.pages)


def test_chinese_is_extracted_as_it_was_typed(tmp_path: Path) -> None:
    _needs(QFontDatabase.WritingSystem.SimplifiedChinese)
    name, note = (
        "王小明",
        "皮肤镜图像显示不对称的色素网、大小八毫米、见长页。",
    )  # 小 八 见 长 页 have radicals as doubles
    text = _written(tmp_path, patient=PatientFields(name=name, notes=note)).text
    assert name in text
    assert note in text


def test_japanese_is_extracted_as_it_was_typed(tmp_path: Path) -> None:
    _needs(QFontDatabase.WritingSystem.Japanese)
    words = "患者の名前は山田花子です"
    assert words in _written(tmp_path, patient=PatientFields(notes=words)).text


def test_arabic_is_extracted_in_order_after_compatibility_normalisation(tmp_path: Path) -> None:
    _needs(QFontDatabase.WritingSystem.Arabic)
    name, note = "محمد عبد الله", "تقرير عن آفة جلدية في الكتف الأيسر"
    report = _written(tmp_path, patient=PatientFields(name=name, notes=note))
    assert name in report.running_text
    assert note in report.running_text


def test_hebrew_is_extracted_in_order(tmp_path: Path) -> None:
    _needs(QFontDatabase.WritingSystem.Hebrew)
    words = "הנגע גדל לאורך חודשים"
    assert words in _written(tmp_path, patient=PatientFields(notes=words)).running_text


def test_hindi_is_shaped_by_a_font_that_has_it(tmp_path: Path) -> None:
    _needs(QFontDatabase.WritingSystem.Devanagari)
    words = "क्षत्रिय"
    assert missing_letters(words) == ""
    report = _written(tmp_path, patient=PatientFields(name=words))
    families = QFontDatabase.families(QFontDatabase.WritingSystem.Devanagari)
    drawn = {font.name.split("+")[-1].split("-")[0] for font in report.fonts()}
    assert drawn & {family.replace(" ", "") for family in families}


def test_letters_without_a_font_are_owned_up_to(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rare = "".join(map(chr, (0x1BC00, 0x17000, 0x10FFF0, 0xE0F7, 0xF1234)))
    missing = missing_letters(rare)
    assert missing, "no machine has a font for every private letter"
    code = f"U+{ord(missing[0]):04X}"
    text = _written(
        tmp_path, image(f"{missing[0]}.jpg"), patient=PatientFields(name=f"A{missing[0]}B")
    ).flowing
    assert f"A[{code}]B" in text
    assert f"[{code}].jpg" in text
    assert f"Letters that no font on this machine has are printed as their Unicode numbers: {code}." in text
    assert f"U+{ord(missing[0]):04X}" in caplog.text


_WITHOUT_FONTS = """
import sys
from pathlib import Path
from PySide6.QtGui import QGuiApplication
from skindesk.models.diagnosis.patient import PatientFields
from skindesk.reports.overlay import overlaid
from skindesk.reports.pdf import write_diagnosis_pdf
from tests.skindesk.reports_reading import diagnosis, image
program = QGuiApplication([])
write_diagnosis_pdf(diagnosis([image()], PatientFields(name="Jane")), Path(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only there can a program be shown no fonts")
def test_a_machine_without_fonts_prints_with_the_one_brought_along(tmp_path: Path) -> None:
    (tmp_path / "fonts").mkdir()
    config = f"<fontconfig><dir>{tmp_path}/fonts</dir><cachedir>{tmp_path}/cache</cachedir></fontconfig>"
    (tmp_path / "fonts.conf").write_text(f'<?xml version="1.0"?>{config}', encoding="utf-8")
    subprocess.run(
        [sys.executable, "-c", _WITHOUT_FONTS, tmp_path / "report.pdf"],
        env=os.environ | {"FONTCONFIG_FILE": str(tmp_path / "fonts.conf"), "QT_QPA_PLATFORM": "offscreen"},
        cwd=Path(__file__).resolve().parents[2],
        check=True,
    )
    report = ReadPdf(tmp_path / "report.pdf")
    assert "Name Jane" in report.text
    assert {font.name.split("+")[-1] for font in report.fonts()} == {"DejaVuSans", "DejaVuSans-Bold"}


def test_every_font_is_embedded(tmp_path: Path) -> None:
    found = _written(tmp_path, patient=msgspec.structs.replace(JANE, notes="王小明 محمد मरीज़ office")).fonts()
    assert found
    assert all(font.embedded for font in found)


def test_control_characters_in_a_field_do_no_harm(tmp_path: Path) -> None:
    text = _written(
        tmp_path, patient=PatientFields(name="A\x00B\x07C\u202eD", notes="one\r\ntwo\x1b[31m")
    ).text
    assert "Name ABCD" in text
    assert "one two[31m" in text


# --- pages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paper", "size"), [("A4", "595 x 842 pts (A4)"), ("Letter", "612 x 792 pts (letter)")]
)
def test_every_page_has_its_number_and_the_research_only_statement(
    tmp_path: Path, paper: str, size: str
) -> None:
    images = [image(f"image {number}.jpg") for number in range(12)]
    pages = write_diagnosis_pdf(diagnosis(images, JANE), tmp_path / "report.pdf", paper=paper)
    report = ReadPdf(tmp_path / "report.pdf")
    assert report.info["Page size"] == size
    assert report.info["Pages"] == str(pages)
    assert pages >= 4
    for number, page in enumerate(report.pages, start=1):
        assert RESEARCH_ONLY in " ".join(page.split())
        assert f"Page {number} of {pages}" in page
        if number > 1:
            assert "Skin lesion report · Jane Müller-Groß · 2026-0451" in " ".join(page.split())


def test_the_file_is_described(tmp_path: Path) -> None:
    report = _written(tmp_path, patient=JANE)
    assert report.info["Title"].startswith("Skin lesion report, 2026-07-14")
    assert report.info["Creator"] == f"SkinDesk {__version__}"
    assert report.info["Author"] == "A. Fischer"
    assert JANE.name not in report.info["Title"]


@pytest.mark.parametrize("length", [1, 150, 3000])
def test_long_notes_flow_over_pages_and_lose_no_word(tmp_path: Path, length: int) -> None:
    words = [f"word{number}" for number in range(3000 if length > 1 else 300)]
    notes = "\n".join(" ".join(words[start : start + length]) for start in range(0, len(words), length))
    report = _written(tmp_path, patient=PatientFields(notes=notes))
    assert len(report.pages) > 4
    assert [word for word in report.text.split() if word.startswith("word")] == words


def test_a_long_table_flows_over_pages_and_loses_no_row(tmp_path: Path) -> None:
    names = [f"row-{number:03d}.jpg" for number in range(150)]
    report = _written(tmp_path, *map(unread_image, names[1:]), image(names[0]))
    rows = [word for word in " ".join(report.pages[:5]).split() if word.startswith("row-")]
    assert rows[:150] == [*names[1:], names[0]]
    of_the_table = [page for page in report.pages if page.count("cannot be read") > 1]
    assert len(of_the_table) >= 3
    for page in of_the_table:
        assert page.count("Malignant sum") == 1, "what a column holds is said on every page"
    for page in of_the_table[1:]:
        lines = [" ".join(line.split()) for line in page.splitlines() if line.strip()]
        assert lines[1] == "Image Predicted class Its probability Malignant sum"
        assert "cannot be read" in lines[2]


def test_a_word_longer_than_a_line_is_broken(tmp_path: Path) -> None:
    word = "".join(chr(ord("a") + k % 26) for k in range(400))
    report = _written(tmp_path, image(f"{word[:200]}.jpg"), patient=PatientFields(name=word, notes=word))
    assert word[-20:] in report.text
    bounds = report.picture(1, 72, tmp_path)
    right = [
        bounds.getpixel((x, y)) for x in range(bounds.width - 45, bounds.width) for y in range(bounds.height)
    ]
    assert set(right) == {(255, 255, 255)}


def test_a_picture_and_its_caption_stand_on_one_page(tmp_path: Path) -> None:
    names = [f"image-{number:02d}.jpg" for number in range(12)]
    report = _written(tmp_path, *map(image, names), patient=JANE)
    placed = []
    for number, page in enumerate(report.pages, start=1):
        captions = [
            name for index, name in enumerate(names, start=1) if f"{index}. {name}" in " ".join(page.split())
        ]
        assert len([row for row in report.images() if row["page"] == str(number)]) == len(captions)
        placed += captions
    assert placed == names


@pytest.mark.parametrize("lines", range(0, 60, 6))
def test_no_heading_is_left_alone_at_the_end_of_a_page(tmp_path: Path, lines: int) -> None:
    patient = PatientFields(notes="\n".join(f"Line {number}." for number in range(lines)))
    report = _written(tmp_path, image("a.jpg"), image("b.jpg"), patient=patient)
    headings = {"Patient", "Notes", "Overview", "Each image", "How to read this", "The network"}
    for page in report.pages:
        text = [line.strip() for line in page.splitlines() if line.strip()]
        assert text[-1].startswith("For research and teaching only")
        assert text[-2] not in headings


def test_pictures_are_sharp_and_the_file_is_small(tmp_path: Path) -> None:
    noise = QImage(4000, 3000, QImage.Format.Format_RGB888)
    noise.loadFromData(_noisy_jpeg(1200, 900))
    report = _written(
        tmp_path, replace(image(), picture=noise), replace(image(), picture=grey_picture(60, 45))
    )
    rows = report.images()
    assert len(rows) == 2
    for row in rows:
        assert row["enc"] == "jpeg"
        assert 195 <= int(row["x-ppi"]) <= 310
    assert report.file.stat().st_size < 1_500_000


def _noisy_jpeg(width: int, height: int) -> bytes:
    import io

    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(1).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(stream, "JPEG")
    return stream.getvalue()


@pytest.mark.parametrize(("width", "height"), [(2000, 20), (20, 2000), (1, 1)])
def test_pictures_of_any_shape_fit(tmp_path: Path, width: int, height: int) -> None:
    shown = replace(image(), picture=grey_picture(width, height), pixels=(width, height))
    report = _written(tmp_path, shown)
    assert f"{width:,} × {height:,} pixels" in report.text
    assert len(report.images()) == 1


def test_where_no_class_is_marked_malignant_the_report_says_so(tmp_path: Path) -> None:
    import msgspec

    unmarked = replace(MODEL, malignant=())
    shown = [
        replace(one, prediction=msgspec.structs.replace(one.prediction, malignant_probability=None))
        for one in (image("a.jpg"), image("b.jpg"))
    ]
    write_diagnosis_pdf(diagnosis(shown, model=unmarked), tmp_path / "report.pdf")
    text = ReadPdf(tmp_path / "report.pdf").flowing
    assert "No class of this network is marked malignant." in text
    assert "Malignant classes together" not in text
    assert "▲" not in text


def test_many_classes_fit_beside_a_picture(tmp_path: Path) -> None:
    names = tuple(f"class number {k}" for k in range(30))
    model = replace(MODEL, classes=names, shares=dict.fromkeys(names, 1 / 30), malignant=names[:2])
    shown = image()
    answer = replace_prediction(shown, names)
    write_diagnosis_pdf(diagnosis([answer], model=model), tmp_path / "report.pdf")
    report = ReadPdf(tmp_path / "report.pdf")
    lines = [" ".join(line.split()) for line in report.pages[0].splitlines()]
    for name in names:
        assert any(f"{name} 3.3 %" in line for line in lines), name


def replace_prediction(shown: ReportImage, names: tuple[str, ...]) -> ReportImage:

    answer = msgspec.structs.replace(
        shown.prediction,
        probabilities=dict.fromkeys(names, 1 / 30),
        predicted=names[0],
        malignant_probability=2 / 30,
    )
    return replace(shown, prediction=answer)


# --- the file ---------------------------------------------------------------------------------------------


def test_a_file_that_was_there_is_replaced_and_nothing_else_left(tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    file.write_bytes(b"older")
    write_diagnosis_pdf(diagnosis([image()]), file)
    assert file.read_bytes().startswith(b"%PDF")
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_is_said_and_the_older_file_is_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "report.pdf"
    file.write_bytes(b"older")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="the disk is full"):
        write_diagnosis_pdf(diagnosis([image()]), file)
    assert file.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [file]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    with pytest.raises(StorageError, match="Cannot write"):
        write_diagnosis_pdf(diagnosis([image()]), tmp_path / "file" / "report.pdf")


def test_another_paper_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="A4 or Letter"):
        write_diagnosis_pdf(diagnosis([image()]), tmp_path / "report.pdf", paper="A3")


def test_full_names_are_used_throughout(tmp_path: Path) -> None:
    text = _written(tmp_path).text
    for name in MODEL.classes:
        assert full_name(name) in text


@pytest.mark.skipif(sys.platform == "win32", reason="rights of files are others there")
def test_a_report_with_a_patient_is_for_this_user_alone(tmp_path: Path) -> None:
    _written(tmp_path, patient=PatientFields(name="Jane"))
    assert stat.S_IMODE((tmp_path / "report.pdf").stat().st_mode) == 0o600
