"""A small dataset and runs on it, made once for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.small import TINY_RUN, draw_small_images
from trainer.dataset.importing import import_dataset
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.config import RunConfig


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """84 images of 48 x 40 pixels in three classes told apart by the colour of a spot, in HAM10000's layout."""
    return draw_small_images(tmp_path_factory.mktemp("drawn images"))


@pytest.fixture(scope="session")
def dataset_file(image_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images of `image_folder` as a split dataset."""
    file = tmp_path_factory.mktemp("dataset") / "small.db"
    import_dataset(image_folder, file)
    with DatasetStore.open(file) as store:
        split_dataset(store, seed=1, fractions=(0.6, 0.2, 0.2))
    return file


@pytest.fixture(scope="session")
def tiny_config() -> RunConfig:
    """Both stages of the tiny backbone, seconds long."""
    return TINY_RUN
