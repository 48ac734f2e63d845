"""Numbers with their nouns."""

from __future__ import annotations

import pytest

from skindesk.widgets.quantities import images_counted, lesions_counted, part_of_images, runs_counted


@pytest.mark.usefixtures("qapp")
def test_one_is_not_many() -> None:
    assert [images_counted(n) for n in (0, 1, 4188)] == ["0 images", "1 image", "4,188 images"]
    assert [lesions_counted(n) for n in (1, 7470)] == ["1 lesion", "7,470 lesions"]
    assert [runs_counted(n) for n in (1, 12)] == ["1 run", "12 runs"]
    assert [part_of_images(0, 1), part_of_images(36, 4188)] == ["0 of 1 image", "36 of 4,188 images"]
