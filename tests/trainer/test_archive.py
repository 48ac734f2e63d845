"""A bundle as one file: it comes back byte for byte, and a stranger's file can do nothing but be refused."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.skindesk.made_runs import make_report, make_run
from trainer.errors import BundleError, StorageError
from trainer.files import sha256_of
from trainer.runs.archive import CONTENTS, export_archive, import_archive, read_contents
from trainer.runs.bundle import bundle_hash, read_bundle
from trainer.runs.folder import RunFolder

Members = dict[str, bytes]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = make_run(tmp_path / "a run")
    make_report(folder, "test", [("a", "mel", "mel"), ("b", "nv", "bkl"), ("c", "bkl", "bkl")])
    RunFolder(folder).write_dataset(tmp_path / "private place" / "moles.db")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "big").write_bytes(b"0" * 1000)
    (folder / "report-test" / "notes of mine.txt").write_text("not to be handed on")
    return folder


@pytest.fixture
def archive(run: Path, tmp_path: Path) -> Path:
    file = tmp_path / "network.skindesk"
    export_archive(run, file, name="Xception, größer")
    return file


def repacked(source: Path, target: Path, change: Callable[[Members], None]) -> Path:
    """Write the members of an archive anew after a change of them."""
    with zipfile.ZipFile(source) as old:
        members = {name: old.read(name) for name in old.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
    return target


def test_a_run_comes_back_without_checkpoints_and_private_paths(
    run: Path, archive: Path, tmp_path: Path
) -> None:
    contents = import_archive(archive, tmp_path / "elsewhere" / "imported")
    imported = tmp_path / "elsewhere" / "imported"
    assert contents.name == "Xception, größer"
    assert bundle_hash(imported / "bundle") == bundle_hash(run / "bundle")
    found = {path.relative_to(imported).as_posix() for path in imported.rglob("*") if path.is_file()}
    assert found == {
        "bundle/manifest.json",
        "bundle/manifest.sha256",
        "bundle/weights.safetensors",
        "config.toml",
        "history.json",
        "report-test/metrics.json",
        "report-test/predictions.csv",
    }
    for name in found:
        assert (imported / name).read_bytes() == (run / name).read_bytes()
    assert b"private place" not in archive.read_bytes()


def test_the_results_can_be_left_at_home(run: Path, tmp_path: Path) -> None:
    contents = export_archive(run, tmp_path / "a.skindesk", name="n", with_reports=False)
    assert not [name for name in contents.files if name.startswith("report")]
    import_archive(tmp_path / "a.skindesk", tmp_path / "imported")
    assert not (tmp_path / "imported" / "report-test").exists()


def test_a_bare_bundle_can_be_exported(run: Path, tmp_path: Path) -> None:
    export_archive(run / "bundle", tmp_path / "a.skindesk", name="n")
    import_archive(tmp_path / "a.skindesk", tmp_path / "imported")
    (manifest, arrays), (own_manifest, own_arrays) = (
        read_bundle(folder / "bundle") for folder in (tmp_path / "imported", run)
    )
    assert manifest == own_manifest
    assert arrays.keys() == own_arrays.keys()


def test_contents_are_read_without_unpacking(archive: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert "bundle/weights.safetensors" in read_contents(archive).files
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "content",
    [b'{"format": "skindesk-archive", "version": 1, "x": "\xff"}', b'{"x": ' * 100_000, b"[" * 100_000],
)
def test_contents_that_no_reader_takes_are_a_sentence(archive: Path, tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.skindesk"

    def replace(members: Members) -> None:
        members["skindesk.json"] = content

    repacked(archive, bad, replace)
    with pytest.raises(BundleError, match=r"bad\.skindesk is not a SkinDesk bundle file"):
        import_archive(bad, tmp_path / "imported")
    assert not (tmp_path / "imported").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders here")
def test_a_pipe_in_the_place_of_an_archive_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.skindesk")
    with pytest.raises(BundleError, match="is not a regular file"):
        read_contents(tmp_path / "a.skindesk")


def test_a_damaged_bundle_is_not_exported(run: Path, tmp_path: Path) -> None:
    weights = run / "bundle" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(BundleError, match="wrong hash"):
        export_archive(run, tmp_path / "a.skindesk", name="n")
    assert not list(tmp_path.glob("*.skindesk*"))


def test_an_export_that_fails_leaves_the_old_file(run: Path, archive: Path) -> None:
    before = sha256_of(archive)
    (run / "bundle" / "weights.safetensors").unlink()
    with pytest.raises(BundleError):
        export_archive(run, archive, name="n")
    assert sha256_of(archive) == before


def test_an_export_to_nowhere_is_a_sentence(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="Cannot write"):
        export_archive(run, tmp_path / "file" / "a.skindesk", name="n")


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "bundle/../../evil",
        "/evil",
        "C:\\evil",
        "bundle\\manifest.json",
        "bundle/extra.py",
        "report-test/../evil.csv",
        "report-test/sub/metrics.json",
        "report-tests/metrics.json",
        "checkpoints/checkpoint-000001/state.json",
        "Bundle/manifest.json",
        "bundle/",
        "name.txt",
        "dataset.json",
    ],
)
def test_other_members_are_refused(archive: Path, tmp_path: Path, name: str) -> None:
    bad = tmp_path / "bad.skindesk"

    def add(members: Members) -> None:
        members[name] = b"x"

    repacked(archive, bad, add)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BundleError, match=r"is not accepted|is not complete"):
        import_archive(bad, tmp_path / "in" / "imported")
    assert [path for path in sorted(tmp_path.rglob("*")) if path not in before] == []


def test_a_name_that_ends_at_a_zero_byte_is_refused(archive: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.skindesk"

    def add(members: Members) -> None:
        members["learning_curves.pngX.exe"] = b"x"

    repacked(archive, bad, add)
    bad.write_bytes(bad.read_bytes().replace(b"curves.pngX.exe", b"curves.png\x00.exe"))
    with pytest.raises(BundleError, match=r"learning_curves\.png\?\.exe”, which no bundle has"):
        import_archive(bad, tmp_path / "imported")


def test_a_link_is_refused(archive: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.skindesk"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(bad, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename == "config.toml":
                info.external_attr = 0o120777 << 16
                content = b"/etc/passwd"
            new.writestr(info, content)
    with pytest.raises(BundleError, match=r"config\.toml is a link"):
        import_archive(bad, tmp_path / "imported")


def test_one_changed_byte_is_noticed(archive: Path, tmp_path: Path) -> None:
    for name in ("bundle/weights.safetensors", "bundle/manifest.json", "report-test/predictions.csv"):

        def flip(members: Members, name: str = name) -> None:
            members[name] = members[name][:-1] + bytes([members[name][-1] ^ 1])

        bad = repacked(archive, tmp_path / "bad.skindesk", flip)
        with pytest.raises(BundleError, match=f"{name} differs from what was written"):
            import_archive(bad, tmp_path / "imported")
        assert not (tmp_path / "imported").exists()


def test_hashes_that_agree_with_each_other_but_not_with_the_manifest_are_noticed(
    archive: Path, tmp_path: Path
) -> None:
    def swap(members: Members) -> None:
        weights = members["bundle/weights.safetensors"]
        weights = weights[:-1] + bytes([weights[-1] ^ 1])
        members["bundle/weights.safetensors"] = weights
        contents = json.loads(members[CONTENTS])
        contents["files"]["bundle/weights.safetensors"]["sha256"] = hashlib.sha256(weights).hexdigest()
        members[CONTENTS] = json.dumps(contents).encode()

    bad = repacked(archive, tmp_path / "bad.skindesk", swap)
    with pytest.raises(BundleError, match=r"bad\.skindesk cannot be used.*wrong hash"):
        import_archive(bad, tmp_path / "imported")
    assert not (tmp_path / "imported").exists()


def _without(name: str) -> Callable[[Members], None]:
    return lambda members: members.pop(name) and None  # type: ignore[func-returns-value]


def _contents(**changes: object) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        members[CONTENTS] = json.dumps(json.loads(members[CONTENTS]) | changes).encode()

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_without(CONTENTS), "not a SkinDesk bundle file: it has no skindesk.json"),
        (_without("bundle/manifest.sha256"), "bundle/manifest.sha256 is listed or present, but not both"),
        (_without("config.toml"), "config.toml is listed or present, but not both"),
        (_contents(version=99), "written by a newer SkinDesk; update this program"),
        (_contents(format="zip"), "is not valid"),
        (_contents(name=""), "is not valid"),
        (_contents(files={}), "is listed or present, but not both"),
        (_contents(surprise=1), "is not valid"),
    ],
)
def test_what_is_missing_or_too_new_is_said(
    archive: Path, tmp_path: Path, change: Callable[[Members], None], sentence: str
) -> None:
    bad = repacked(archive, tmp_path / "bad.skindesk", change)
    with pytest.raises(BundleError) as caught:
        import_archive(bad, tmp_path / "imported")
    assert sentence in str(caught.value)
    assert not (tmp_path / "imported").exists()


def test_a_size_that_lies_is_noticed(archive: Path, tmp_path: Path) -> None:
    def lie(members: Members) -> None:
        contents = json.loads(members[CONTENTS])
        contents["files"]["config.toml"]["size"] += 1
        members[CONTENTS] = json.dumps(contents).encode()

    bad = repacked(archive, tmp_path / "bad.skindesk", lie)
    with pytest.raises(BundleError, match=r"config\.toml differs from what was written"):
        import_archive(bad, tmp_path / "imported")


def test_a_member_that_swells_is_refused_before_it_is_unpacked(archive: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.skindesk"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name == "config.toml":
                with new.open(name, "w") as stream:
                    for _ in range(65):
                        stream.write(bytes(1 << 20))
            else:
                new.writestr(name, old.read(name))
    assert bad.stat().st_size < 1 << 20
    with pytest.raises(BundleError, match=r"config\.toml would be 68,157,440 bytes"):
        import_archive(bad, tmp_path / "imported")


def test_a_name_twice_is_refused(archive: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.skindesk"
    bad.write_bytes(archive.read_bytes())
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(bad, "a") as twice:
        twice.writestr("config.toml", "again")
    with pytest.raises(BundleError, match="contains a file twice"):
        import_archive(bad, tmp_path / "imported")


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all", b"\x00" * 5000])
def test_any_other_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.skindesk"
    file.write_bytes(content)
    with pytest.raises(BundleError, match="not a SkinDesk bundle file"):
        import_archive(file, tmp_path / "imported")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_off_is_refused(archive: Path, tmp_path: Path, share: float) -> None:
    content = archive.read_bytes()
    (tmp_path / "cut.skindesk").write_bytes(content[: int(share * len(content))])
    with pytest.raises(BundleError):
        import_archive(tmp_path / "cut.skindesk", tmp_path / "imported")
    assert not (tmp_path / "imported").exists()


def test_bytes_damaged_anywhere_are_a_sentence_or_harmless(archive: Path, tmp_path: Path) -> None:
    content = archive.read_bytes()
    expected = {name: member.sha256 for name, member in read_contents(archive).files.items()}
    for place in range(0, len(content), max(1, len(content) // 150)):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        (tmp_path / "bad.skindesk").write_bytes(damaged)
        folder = tmp_path / f"imported {place}"
        try:
            import_archive(tmp_path / "bad.skindesk", folder)
        except BundleError:
            assert not folder.exists()
        else:
            assert {name: sha256_of(folder / name) for name in expected} == expected


def test_no_file_and_a_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="There is no file"):
        import_archive(tmp_path / "nothing.skindesk", tmp_path / "imported")
    with pytest.raises(BundleError, match="is a folder"):
        import_archive(tmp_path, tmp_path / "imported")


def test_an_import_replaces_nothing(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(BundleError, match="exists already"):
        import_archive(archive, tmp_path / "mine")
