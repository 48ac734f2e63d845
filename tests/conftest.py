"""What tests share: small image folders, files of older versions, and the real images where they are at hand."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Processes side by side, and the children they start, take a core each: threads would wait for one another.
    for _pool in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(_pool, "1")

from tests.drawn import HamFolder
from trainer.dataset.store import DatasetStore
from trainer.runs.folder import RunFolder

_DATA = Path(__file__).parent / "data"
_REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real images beside the checkout."""
    if not _REAL_DATA.is_dir():
        pytest.skip(f"the HAM10000 images are not at {_REAL_DATA}")
    return _REAL_DATA


@pytest.fixture
def ham(tmp_path: Path) -> HamFolder:
    """An empty folder in Kaggle's layout."""
    return HamFolder(tmp_path / "ham")


@pytest.fixture
def small_ham(ham: HamFolder) -> HamFolder:
    """Six lesions of three classes, eight images."""
    for class_name, images in (("mel", 2), ("mel", 1), ("nv", 2), ("nv", 1), ("bcc", 1), ("bcc", 1)):
        ham.add(class_name, images)
    ham.write()
    return ham


@pytest.fixture
def old_formats(tmp_path: Path) -> Path:
    """What version 0.1 wrote (see the README there), after a move to another folder that today's program was told of."""
    folder = shutil.copytree(_DATA / "formats-0.1", tmp_path / "formats-0.1")
    for packed in folder.glob("*.db.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    with DatasetStore.open(folder / "lesions.db") as store:
        store.relocate(folder / "images")
    for run in (folder / "runs").iterdir():
        RunFolder(run).write_dataset(folder / "lesions.db")
    return folder
