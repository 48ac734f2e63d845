"""A bundle, or a run without its checkpoints, as one file that can be handed on: a zip with a list of contents.

```
skindesk.json                    what this is: format, name, and the SHA-256 and size of every other member
bundle/manifest.json             the bundle, byte for byte (see `trainer.runs.bundle`)
bundle/manifest.sha256
bundle/weights.safetensors
bundle/malignant.json            optional: how the user has marked its classes
bundle/reference.safetensors     optional: what it knows of its training images (see `trainer.reference`)
bundle/operating_point.json      optional: from which probability on lesions are flagged
bundle/members/<12 digits>/...   of an ensemble, in the place of its weights: each member's bundle
config.toml  split.json  history.json  learning_curves.png        of the run, where they exist
report*/metrics.json  report*/predictions.csv  report*/*.png      what it scored, if asked for
```

The events of a run stay at home, since they name folders of the machine it ran on.

A file from elsewhere is not trusted: members are compared with the names above before any is opened, sizes are
limited before anything is unpacked, and the folder takes its place only when every hash agrees and the bundle
can be read. Nothing in it is ever run.
"""

from __future__ import annotations

import hashlib
import re
import stat
import zipfile
import zlib
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from trainer.errors import BundleError
from trainer.files import atomic_folder, atomic_path, explained, sha256_of
from trainer.runs.bundle import ADDITIONS, MANIFEST, MANIFEST_HASH, REFERENCE, SHORT_HASH, WEIGHTS
from trainer.runs.ensemble import MEMBER_FILES, MEMBERS, check_bundle, network_folders
from trainer.runs.operating_point import read_operating_point
from trainer.runs.reports import METRICS_FILE, PREDICTIONS_FILE, is_report_name
from trainer.stored import UnreadableError, decoded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ARCHIVE_VERSION = 1
ARCHIVE_SUFFIX = ".skindesk"
CONTENTS = "skindesk.json"

BUNDLE_FOLDER = "bundle"
_BUNDLE_FILES = (MANIFEST, MANIFEST_HASH)
_RUN_FILES = ("config.toml", "split.json", "history.json", "learning_curves.png")
_REPORT_FILES = (
    METRICS_FILE,
    PREDICTIONS_FILE,
    "confusion_matrix.png",
    "roc.png",
    "precision_recall.png",
    "reliability.png",
)

_MEMBER_BYTES = {WEIGHTS: 4 << 30, REFERENCE: 2 << 30}
_OTHER_BYTES = 64 << 20
"""Predictions of a million images are about that; pictures and histories far below."""

_CONTENTS_BYTES = 1 << 20
_CHUNK = 1 << 20
_NAMELESS = "network"
_SHORT_HASH = re.compile(rf"[0-9a-f]{{{SHORT_HASH}}}")


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file of an archive.

    Attributes:
        sha256: of its bytes, 64 hexadecimal digits.
        size: bytes.
    """

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, msgspec.Meta(ge=0)]


class Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The list of contents of an archive.

    Attributes:
        format: always the same word.
        version: of this structure.
        name: of the run, as the user called it.
        files: every other member, by its name in the archive.
    """

    format: Literal["skindesk-archive"] = "skindesk-archive"
    version: Annotated[int, msgspec.Meta(ge=1, le=ARCHIVE_VERSION)] = ARCHIVE_VERSION
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    files: dict[str, Member]


class _AnyContents(msgspec.Struct):
    """What every version of an archive's contents has."""

    format: str
    version: int


_ANY_VERSION = msgspec.json.Decoder(_AnyContents)
_CONTENTS = msgspec.json.Decoder(Contents)


def export_archive(folder: Path, file: Path, *, name: str, with_reports: bool = True) -> Contents:
    """Write the bundle of a run, and what is known of the run, as one file; a file that was there is replaced.

    Args:
        folder: of the run, with `bundle/` in it; or a bundle itself.
        file: to be written, usually with the suffix `.skindesk`.
        name: the run's, as the user calls it; one line of at most 200 characters.
        with_reports: also the reports: metrics, pictures, and predictions by sample id.

    Returns:
        What was written.

    Raises:
        BundleError: there is no bundle, or it is damaged.
        StorageError: the file cannot be written.
    """
    bundle = folder / BUNDLE_FOLDER if (folder / BUNDLE_FOLDER).is_dir() else folder
    manifest = check_bundle(bundle)
    sources = {f"{BUNDLE_FOLDER}/{entry}": bundle / entry for entry in _BUNDLE_FILES}
    sources |= {
        f"{BUNDLE_FOLDER}/{entry}": bundle / entry for entry in ADDITIONS if _is_plain(bundle / entry)
    }
    for network in network_folders(bundle, manifest):
        place = "/".join((BUNDLE_FOLDER, *network.relative_to(bundle).parts))
        sources |= {
            f"{place}/{entry}": network / entry for entry in MEMBER_FILES if (network / entry).is_file()
        }
    if bundle != folder:
        sources |= _run_sources(folder, with_reports=with_reports)
    with explained(file), atomic_path(file) as temporary:
        members = {}
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, source in sources.items():
                # Numbers hardly shrink, and pictures are compressed already.
                stored = source.suffix in {".safetensors", ".png"}
                archive.write(source, member, zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED)
                members[member] = Member(sha256=sha256_of(source), size=source.stat().st_size)
            contents = Contents(name=name.strip() or _NAMELESS, files=members)
            archive.writestr(CONTENTS, msgspec.json.format(msgspec.json.encode(contents), indent=1))
    return contents


def _run_sources(folder: Path, *, with_reports: bool) -> dict[str, Path]:
    found = {name: folder / name for name in _RUN_FILES if _is_plain(folder / name)}
    if not with_reports:
        return found
    for report in sorted(folder.iterdir()):
        if is_report_name(report.name) and report.is_dir():
            found |= {
                f"{report.name}/{name}": report / name for name in _REPORT_FILES if _is_plain(report / name)
            }
    return found


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size <= _OTHER_BYTES


def read_contents(file: Path) -> Contents:
    """Read an archive's list of contents and check the members against it; nothing is unpacked.

    Raises:
        BundleError: the file is no archive of a bundle, too new, too large, or holds what it must not.
    """
    with _opened(file) as archive:
        return _contents(file, archive)


def import_archive(file: Path, folder: Path) -> Contents:
    """Unpack an archive into a new folder, which then looks like that of a run: `bundle/` and what came with it.

    Args:
        file: written by `export_archive`.
        folder: to be made.

    Returns:
        What the archive says of itself.

    Raises:
        BundleError: the file is no archive of a bundle, is damaged, too new, too large, or holds what it must
            not; nothing is left behind.
        StorageError: the folder cannot be written.
    """
    if folder.exists():
        raise BundleError(f"{folder} exists already; choose another folder for the bundle.")
    with _opened(file) as archive:
        contents = _contents(file, archive)
        with atomic_folder(folder) as temporary:
            for member, expected in contents.files.items():
                _unpack(file, archive, member, temporary.joinpath(*member.split("/")), expected)
            try:
                check_bundle(temporary / BUNDLE_FOLDER)
                read_operating_point(temporary / BUNDLE_FOLDER)
            except BundleError as error:
                reason = str(error).replace(f"{temporary}", file.name)
                raise BundleError(f"The bundle in {file.name} cannot be used: {reason}") from error
    return contents


def _opened(file: Path) -> zipfile.ZipFile:
    try:
        if file.is_dir():
            raise BundleError(f"{file} is a folder; choose a file that ends in {ARCHIVE_SUFFIX}.")
        if file.exists() and not file.is_file():
            raise BundleError(f"{file} is not a regular file; choose a file that ends in {ARCHIVE_SUFFIX}.")
        return zipfile.ZipFile(file)
    except FileNotFoundError as error:
        raise BundleError(f"There is no file {file}; check the name.") from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise BundleError(
            f"{file.name} is not a SkinDesk bundle file, or it is truncated: {_plain(error)}. Copy it again "
            "from where it came from."
        ) from error
    except OSError as error:
        raise BundleError(f"{file} cannot be read: {error.strerror}.") from error


def _contents(file: Path, archive: zipfile.ZipFile) -> Contents:
    present = {info.filename: info for info in archive.infolist()}
    if CONTENTS not in present:
        raise BundleError(f"{file.name} is a zip file, but not a SkinDesk bundle file: it has no {CONTENTS}.")
    if len(present) != len(archive.infolist()):
        raise BundleError(f"{file.name} is not accepted: it contains a file twice.")
    for info in archive.infolist():
        _check_member(file, info)
    content = b"".join(_chunks(file, archive, CONTENTS, _CONTENTS_BYTES))
    try:
        version = decoded(content, _ANY_VERSION.decode)
        if version.format == "skindesk-archive" and version.version > ARCHIVE_VERSION:
            raise BundleError(f"{file.name} was written by a newer SkinDesk; update this program.")
        contents = decoded(content, _CONTENTS.decode)
    except UnreadableError as error:
        raise BundleError(
            f"{file.name} is not a SkinDesk bundle file: {CONTENTS} is not valid ({error})."
        ) from error
    listed = set(contents.files) | {CONTENTS}
    if listed != set(present):
        odd = min(listed ^ set(present))
        raise BundleError(
            f"{file.name} is not complete or was changed: {odd} is listed or present, but not both."
        )
    missing = _missing(listed)
    if missing:
        raise BundleError(f"{file.name} does not hold a complete bundle: {missing[0]} is missing.")
    for name, member in contents.files.items():
        if member.size != present[name].file_size:
            raise BundleError(_changed(file, name))
    return contents


def _check_member(file: Path, info: zipfile.ZipInfo) -> None:
    """Refuse a member by what the zip's directory says of it, before it is opened.

    Raises:
        BundleError: its name is none of ours, it is a link or a folder, locked, packed in another way or too large.
    """
    name = info.filename
    # `orig_filename` is what stands in the file: `filename` ends at a zero byte and has its backslashes turned.
    if info.orig_filename != name or not _is_known(name):
        raise BundleError(
            f"{file.name} is not accepted: it holds “{_shown(info.orig_filename)}”, which no bundle has."
        )
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG} or info.is_dir():
        raise BundleError(f"{file.name} is not accepted: {name} is a link or not a regular file.")
    if info.flag_bits & 0x1:
        raise BundleError(f"{file.name} is password-protected; ask for a file without a password.")
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise BundleError(
            f"{file.name} is not accepted: {name} is compressed in a way that SkinDesk never uses."
        )
    limit = _limit(name)
    if info.file_size > limit:
        raise BundleError(
            f"{file.name} is not accepted: {name} would be {info.file_size:,} bytes, larger than any bundle's."
        )


def _is_known(name: str) -> bool:
    if name == CONTENTS or name in _RUN_FILES:
        return True
    folder, slash, entry = name.partition("/")
    if not slash:
        return False
    if folder == BUNDLE_FOLDER:
        return entry in {*_BUNDLE_FILES, WEIGHTS, *ADDITIONS} or _is_of_member(entry)
    return is_report_name(folder) and entry in _REPORT_FILES


def _missing(listed: set[str]) -> list[str]:
    """Return what no bundle can do without; that no member is missing is seen when it is read."""
    missing = sorted({f"{BUNDLE_FOLDER}/{name}" for name in _BUNDLE_FILES} - listed)
    weights = f"{BUNDLE_FOLDER}/{WEIGHTS}"
    return missing if any(name.endswith(f"/{WEIGHTS}") for name in listed) else [*missing, weights]


def _is_of_member(entry: str) -> bool:
    folder, _, rest = entry.partition("/")
    digits, _, file = rest.partition("/")
    return folder == MEMBERS and _SHORT_HASH.fullmatch(digits) is not None and file in MEMBER_FILES


def _limit(name: str) -> int:
    return _CONTENTS_BYTES if name == CONTENTS else _MEMBER_BYTES.get(name.rpartition("/")[2], _OTHER_BYTES)


def _chunks(file: Path, archive: zipfile.ZipFile, name: str, limit: int) -> Iterator[bytes]:
    """Yield a member's bytes, never more than `limit`, whatever the zip's directory promised."""
    left = limit
    try:
        with archive.open(name) as stream:
            while chunk := stream.read(min(_CHUNK, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise BundleError(_changed(file, name))
                yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError) as error:
        raise BundleError(_changed(file, name)) from error


def _unpack(file: Path, archive: zipfile.ZipFile, name: str, target: Path, expected: Member) -> None:
    digest = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as stream:
        for chunk in _chunks(file, archive, name, expected.size):
            digest.update(chunk)
            stream.write(chunk)
    if digest.hexdigest() != expected.sha256:
        raise BundleError(_changed(file, name))


def _changed(file: Path, name: str) -> str:
    return (
        f"{file.name} was changed or damaged on the way: {name} differs from what was written. Copy it again "
        "from where it came from."
    )


def _shown(name: str) -> str:
    """Return a stranger's file name so that it can stand in a sentence."""
    return "".join(c if c.isprintable() else "?" for c in name)[:80]


def _plain(error: Exception) -> str:
    return str(error).rstrip(".") or "it cannot be read"
