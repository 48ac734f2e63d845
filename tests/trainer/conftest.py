"""A small dataset and runs on it, made once for all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.small import TINY_RUN, draw_small_images, index_small_images
from tests.trainer.shell import TINY, Shell
from trainer.commands.cli import main

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
    return index_small_images(image_folder, tmp_path_factory.mktemp("dataset") / "small.db")


@pytest.fixture(scope="session")
def tiny_config() -> RunConfig:
    """Both stages of the tiny backbone, seconds long."""
    return TINY_RUN


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    monkeypatch.setenv("SKINDESK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SKINDESK_WEIGHTS_DIR", "")
    return Shell(capsys)


@pytest.fixture(scope="session")
def trained(dataset_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny network."""
    folder = tmp_path_factory.mktemp("trained")
    config = folder / "tiny.toml"
    config.write_text(TINY)
    words = ["train", str(dataset_file), "--config", str(config), "--out", str(folder / "run")]
    assert main(words) == 0
    return folder / "run"
