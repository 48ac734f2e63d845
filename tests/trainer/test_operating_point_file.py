"""A saved operating point lies beside the manifest, is of one network alone, and is no part of what was trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.skindesk.made_runs import make_run
from trainer.dataset.classes.malignancy import Marks
from trainer.errors import BundleError
from trainer.metrics.operating import OperatingPoint, Target
from trainer.runs.archive import export_archive, import_archive
from trainer.runs.bundle import POINT, bundle_hash, read_manifest
from trainer.runs.marks import write_marks
from trainer.runs.operating_point import read_operating_point, why_outdated, write_operating_point


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run") / "bundle"


@pytest.fixture
def point(bundle: Path) -> OperatingPoint:
    target = Target(name="malignant", classes=read_manifest(bundle).malignant)
    return OperatingPoint(target=target, sensitivity=0.95, threshold=0.0812, lesions=132, missed=2)


def test_a_point_is_saved_and_removed_and_the_bundle_stays_the_same(
    bundle: Path, point: OperatingPoint
) -> None:
    identity, manifest = bundle_hash(bundle), read_manifest(bundle)
    assert read_operating_point(bundle) is None
    write_operating_point(bundle, point)
    assert read_operating_point(bundle) == point
    assert (bundle_hash(bundle), read_manifest(bundle)) == (identity, manifest)
    write_operating_point(bundle, None)
    assert read_operating_point(bundle) is None


def test_a_point_travels_with_its_bundle(bundle: Path, point: OperatingPoint, tmp_path: Path) -> None:
    write_operating_point(bundle, point)
    export_archive(bundle.parent, tmp_path / "run.skindesk", name="run", with_reports=False)
    import_archive(tmp_path / "run.skindesk", tmp_path / "copy")
    assert read_operating_point(tmp_path / "copy" / "bundle") == point


def test_an_archive_with_a_damaged_point_is_refused(bundle: Path, tmp_path: Path) -> None:
    (bundle / POINT).write_text("{}")
    export_archive(bundle.parent, tmp_path / "run.skindesk", name="run", with_reports=False)
    with pytest.raises(BundleError, match=r"operating_point.json cannot be read"):
        import_archive(tmp_path / "run.skindesk", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_point_of_another_network_is_refused(bundle: Path, point: OperatingPoint, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", fingerprint="cd" * 32) / "bundle"
    write_operating_point(bundle, point)
    shutil.copy(bundle / POINT, other / POINT)
    with pytest.raises(BundleError, match="operating point of another network"):
        read_operating_point(other)


@pytest.mark.parametrize("change", [{"point": {}}, {"bundle": 5}, {"saved": "yesterday"}])
def test_a_damaged_point_is_one_sentence(
    bundle: Path, point: OperatingPoint, change: dict[str, object]
) -> None:
    write_operating_point(bundle, point)
    stored = json.loads((bundle / POINT).read_text())
    (bundle / POINT).write_text(json.dumps(stored | change))
    with pytest.raises(BundleError, match="Delete it, and choose the operating point again"):
        read_operating_point(bundle)


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"\xff"])
def test_a_file_that_is_no_point_is_one_sentence(bundle: Path, content: bytes) -> None:
    (bundle / POINT).write_bytes(content)
    with pytest.raises(BundleError, match="Delete it, and choose the operating point again"):
        read_operating_point(bundle)


def test_a_point_of_tomorrow_asks_for_a_newer_program(bundle: Path) -> None:
    (bundle / POINT).write_text('{"format_version": 2, "points": []}')
    with pytest.raises(BundleError, match="newer SkinDesk"):
        read_operating_point(bundle)


def test_a_point_for_other_malignant_classes_is_outdated(bundle: Path, point: OperatingPoint) -> None:
    assert why_outdated(point, read_manifest(bundle)) == ""
    write_marks(bundle, Marks(malignant=("bkl", "mel"), benign=("nv",)))
    assert "malignant classes were mel. Choose it again." in why_outdated(point, read_manifest(bundle))
    write_marks(bundle, Marks(benign=("bkl", "mel", "nv")))
    assert why_outdated(point, read_manifest(bundle))
    of_one_class = OperatingPoint(
        target=Target(name="nv", classes=("nv",)), sensitivity=0.9, threshold=0.5, lesions=40, missed=0
    )
    assert why_outdated(of_one_class, read_manifest(bundle)) == ""
