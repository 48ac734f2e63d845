"""Which row of a table speaks of which image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trainer.commands.metadata import read_metadata

if TYPE_CHECKING:
    from pathlib import Path

A, B = {"patient": "A"}, {"patient": "B"}


def said(folder: Path, rows: str, *images: str, table: str = "facts.csv") -> list[dict[str, str] | None]:
    """Return the facts of images in a folder, `None` for none; every note names the image it is about."""
    file = folder / table
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"image,patient\n{rows}")
    for name in images:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    paths = [folder / name for name in images]
    known = read_metadata(file).of(paths)
    for path, of_image in zip(paths, known, strict=True):
        assert of_image.note == "" or (path.name in of_image.note and of_image.facts is None)
    return ["note" if of_image.note else of_image.facts for of_image in known]  # type: ignore[misc]


@pytest.mark.parametrize("table", ["facts.csv", "elsewhere/facts.csv", "clinicA/facts.csv"])
@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ""])
def test_paths_tell_images_of_one_name_apart(tmp_path: Path, table: str, suffix: str) -> None:
    rows = f"clinicA/IMG_0{suffix},A\nclinicB\\IMG_0{suffix},B\n"
    assert said(tmp_path, rows, "clinicB/IMG_0.jpg", "clinicA/IMG_0.jpg", table=table) == [B, A]
    assert said(tmp_path, rows, "clinicA/IMG_0.jpg", table=table) == [A]


def test_a_name_that_several_images_have_says_nothing_of_any(tmp_path: Path) -> None:
    assert said(tmp_path, "IMG_0,A\nIMG_1,B\n", "a/IMG_0.jpg", "b/IMG_0.jpg", "b/IMG_1.jpg") == [
        "note",
        "note",
        B,
    ]
    assert said(tmp_path, "IMG_0,A\n", "IMG_0.jpg", "IMG_0.png") == ["note", "note"]


def test_a_name_that_several_rows_have_says_nothing(tmp_path: Path) -> None:
    assert said(tmp_path, "x/IMG_0.jpg,A\ny/IMG_0.jpg,B\n", "z/IMG_0.jpg") == ["note"]
    assert said(tmp_path, "IMG_0.jpg,A\nIMG_0.jpg,B\n", "IMG_0.jpg") == ["note"]
    assert said(tmp_path, "IMG_0.jpg,A\nIMG_0.jpg,A\n", "IMG_0.jpg") == [A]


def test_a_row_for_another_file_says_nothing_of_one_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "clinicA").mkdir()
    (tmp_path / "clinicA" / "IMG_0.jpg").touch()
    assert said(tmp_path, "clinicA/IMG_0.jpg,A\n", "clinicB/IMG_0.jpg") == [None]
    assert said(tmp_path, "clinicA/IMG_0.jpg,A\n", "clinicB/IMG_0.jpg", "clinicA/IMG_0.jpg") == [None, A]


def test_a_unique_name_is_enough(tmp_path: Path) -> None:
    assert said(
        tmp_path, "C:\\photos\\IMG_0.jpg,A\nimg_1,B\n", "a/img_0.JPG", "b/IMG_1.png", "IMG_2.png"
    ) == [A, B, None]
    assert said(tmp_path, "IMG_0.jpg,A\nIMG_0.png,B\n", "x/IMG_0.png", "y/IMG_0.jpg") == [B, A]


def test_an_image_asked_about_twice_has_its_facts_twice(tmp_path: Path) -> None:
    assert said(tmp_path, "IMG_0,A\n", "IMG_0.jpg", "IMG_0.jpg") == [A, A]
