"""What tests share: small image folders, and the real images where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Processes side by side, and the children they start, take a core each: threads would wait for one another.
    for _pool in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(_pool, "1")

from tests.drawn import HamFolder

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
