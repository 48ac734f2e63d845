"""Runs read from their folders: whatever is damaged, missing or too new becomes a sentence, never an exception."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from trainer.dataset.groups.certificate import SplitCertificate
from trainer.errors import TrainerError
from trainer.events import EpochEnded, Failed, Finished, Stopped, decode_event
from trainer.files import open_regular
from trainer.runs.bundle import MANIFEST, Manifest, bundle_hash, read_manifest
from trainer.runs.folder import RunFolder
from trainer.runs.naming import NAME_FILE, read_name
from trainer.runs.reports import METRICS_FILE, read_scored, report_folders
from trainer.runs.summary import Report, RunStatus, RunSummary
from trainer.stored import read_stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trainer.config import RunConfig
    from trainer.events import PartMetrics

_LAST_EVENT_BYTES = 64 << 10  # the last line of the events is at most an epoch's metrics

_HISTORY = msgspec.json.Decoder(list[EpochEnded])
_CERTIFICATE: msgspec.json.Decoder[SplitCertificate | None] = msgspec.json.Decoder(SplitCertificate | None)

Found = TypeVar("Found")


@dataclass
class _Findings:
    """What was read so far, and what could not be."""

    problems: list[str] = field(default_factory=list)

    def tried(self, read: Callable[[], Found]) -> Found | None:
        """Return what is read; where it cannot be, note why and return `None`."""
        try:
            return read()
        except TrainerError as error:
            self.problems.append(str(error))
        except FileNotFoundError:
            raise
        except OSError as error:
            self.problems.append(f"{error.filename} cannot be read: {error.strerror}.")
        return None


Signature = tuple[tuple[str, int, int], ...]


def run_folders(parents: Iterable[Path]) -> list[Path]:
    """Return the folders that look like runs or bundles, directly in some folders."""
    found: list[Path] = []
    for parent in parents:
        with contextlib.suppress(OSError), os.scandir(parent) as entries:
            for entry in entries:
                # One that may not be looked into hides no other.
                with contextlib.suppress(OSError):
                    folder = Path(entry.path)
                    if not entry.name.startswith(".") and entry.is_dir() and _looks_like_run(folder):
                        found.append(folder)
    return found


def _looks_like_run(folder: Path) -> bool:
    run = RunFolder(folder)
    return any(
        path.exists()
        for path in (run.config_file, run.events_file, run.bundle, folder / MANIFEST, run.initial)
    )


def signature(folder: Path) -> Signature:
    """Return what tells whether a run has changed since it was read: size and time of the files that are read."""
    run = RunFolder(folder)
    bundle = _bundle_folder(run)
    files = [
        run.config_file,
        run.events_file,
        run.history_file,
        run.split_file,
        run.dataset_file,
        folder / NAME_FILE,
        bundle / MANIFEST,
        *(report / METRICS_FILE for report in report_folders(folder)),
    ]
    stated = []
    for path in files:
        with contextlib.suppress(OSError):
            facts = path.stat()
            stated.append((path.name, facts.st_mtime_ns, facts.st_size))
    return tuple(stated)


def read_run(folder: Path, *, imported: bool = False) -> RunSummary:
    """Read what a list shows of a run.

    Args:
        folder: of the run; or a bundle itself.
        imported: it came from elsewhere, so that nothing is trained in it.
    """
    findings = _Findings()
    run = RunFolder(folder)
    manifest, identity = _manifest(run, findings)
    networks = len(manifest.members) if manifest is not None else 0
    # The settings and the best epoch in an ensemble's manifest are its first member's.
    trained = manifest if not networks else None
    config = None if networks else _config(run, trained, findings, imported=imported)
    history = _history(run, findings)
    best = max((place for place, epoch in enumerate(history) if epoch.best), default=None)
    state = RunStatus.DONE if imported else _state(run, findings, has_bundle=manifest is not None)
    if manifest is None and config is None and state is not RunStatus.RUNNING:
        state = RunStatus.UNREADABLE
    certificate = manifest.split if manifest is not None else _certificate(run, findings)
    size = manifest.input_size if manifest is not None else _planned_size(config)
    metrics = history[best].validation if best is not None else None
    if metrics is None and trained is not None:
        metrics = trained.metrics.validation
    stage = history[best].stage if best is not None else trained.metrics.stage if trained is not None else ""
    reports = [_report(place, findings) for place in report_folders(folder)]
    dataset = findings.tried(run.read_dataset)
    return RunSummary(
        name=read_name(folder),
        folder=folder,
        problem=" ".join(findings.problems),
        created=_created(run, manifest, imported=imported),
        state=state,
        bundle=_bundle_folder(run) if manifest is not None else None,
        bundle_hash=identity,
        imported=imported,
        backbone=config.backbone if config is not None else "",
        networks=networks,
        input_size=size,
        stages=config.stages if config is not None else (),
        classes=manifest.classes if manifest is not None else (),
        malignant=manifest.malignant if manifest is not None else (),
        epochs=len(history),
        planned_epochs=_planned_epochs(config),
        best_stage=stage,
        best_epoch=best + 1 if best is not None else 0,
        best_macro_recall=metrics.macro_recall if metrics is not None else None,
        best_accuracy=metrics.accuracy if metrics is not None else None,
        best_n=_choosing_images(metrics, manifest, config, certificate),
        reports=tuple(report for report in reports if report is not None),
        dataset_path=dataset,
        dataset_fingerprint=manifest.dataset_fingerprint
        if manifest is not None
        else certificate.fingerprint
        if certificate is not None
        else "",
        drawn=certificate is not None and certificate.drawn,
    )


def read_history(folder: Path) -> list[EpochEnded]:
    """Return every epoch of a run that is done.

    Raises:
        TrainerError: there is a history, but it cannot be read.
    """
    try:
        return read_stored(RunFolder(folder).history_file, _HISTORY.decode, "the learning curves are missing")
    except FileNotFoundError:
        return []


def _bundle_folder(run: RunFolder) -> Path:
    return run.path if (run.path / MANIFEST).is_file() else run.bundle


def _manifest(run: RunFolder, findings: _Findings) -> tuple[Manifest | None, str]:
    folder = _bundle_folder(run)
    found = findings.tried(lambda: (read_manifest(folder), bundle_hash(folder))) if folder.exists() else None
    return found or (None, "")


def _config(
    run: RunFolder, manifest: Manifest | None, findings: _Findings, *, imported: bool
) -> RunConfig | None:
    if manifest is not None and (imported or not run.begun):
        return manifest.config
    return findings.tried(run.config) or (manifest.config if manifest is not None else None)


def _history(run: RunFolder, findings: _Findings) -> list[EpochEnded]:
    return findings.tried(lambda: read_history(run.path)) or []


def _certificate(run: RunFolder, findings: _Findings) -> SplitCertificate | None:
    with contextlib.suppress(FileNotFoundError):
        return findings.tried(
            partial(read_stored, run.split_file, _CERTIFICATE.decode, "the split is not known")
        )
    return None


def _state(run: RunFolder, findings: _Findings, *, has_bundle: bool) -> RunStatus:
    if run.in_use:
        return RunStatus.RUNNING
    match _last_event(run.events_file):
        case Finished():
            if not has_bundle and not run.bundle.exists():
                findings.problems.append("The run finished, but its bundle is missing.")
            return RunStatus.DONE
        case Failed(message=message):
            findings.problems.append(message)
            return RunStatus.FAILED
        case Stopped():
            return RunStatus.STOPPED
        case None if has_bundle:
            return RunStatus.DONE
        case _:
            return RunStatus.INTERRUPTED


def _last_event(file: Path) -> object:
    """Return the last event; `None` without any, or where the last line is torn."""
    try:
        with open_regular(file) as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - _LAST_EVENT_BYTES))
            lines = stream.read().splitlines()
        return decode_event(lines[-1]) if lines else None
    except (OSError, TrainerError):
        return None


def _created(run: RunFolder, manifest: Manifest | None, *, imported: bool) -> datetime:
    if manifest is not None and (imported or not run.begun):
        return manifest.created.astimezone()
    for path in (run.config_file, run.path):
        with contextlib.suppress(OSError, ValueError, OverflowError):
            return _time_of(path)
    return datetime.fromtimestamp(0, tz=UTC)


def _planned_size(config: RunConfig | None) -> int:
    if config is None:
        return 0
    if config.input_size is not None:
        return config.input_size
    from trainer.backbones import get_backbone

    return get_backbone(config.backbone).default_size


def _planned_epochs(config: RunConfig | None) -> int:
    if config is None:
        return 0
    epochs = {"head": config.head_stage.epochs, "fine-tune": config.fine_tune_stage.epochs}
    return sum(epochs[stage] for stage in config.stages)


def _choosing_images(
    metrics: PartMetrics | None,
    manifest: Manifest | None,
    config: RunConfig | None,
    certificate: SplitCertificate | None,
) -> int | None:
    """Return how many validation images chose the best epoch: those that calibration did not set aside."""
    if metrics is not None and metrics.support:
        return sum(metrics.support.values())
    if certificate is None or config is None:
        return None
    images = certificate.images.get("validation")
    if images is None or not config.calibration_share:
        return images
    aside = manifest.calibration.n if manifest is not None else 0
    return images - aside if aside else None


def _report(folder: Path, findings: _Findings) -> Report | None:
    try:
        scored = findings.tried(partial(read_scored, folder))
        when = findings.tried(partial(_time_of, folder / METRICS_FILE))
    except FileNotFoundError:
        return None
    if scored is None or when is None:
        return None
    return Report(
        part=scored.split,
        folder=folder,
        metrics=scored,
        bundle_hash=scored.bundle,
        dataset_fingerprint=scored.dataset_fingerprint,
        prior=scored.prior,
        test_scorings=scored.test_scorings,
        scored=when,
    )


def _time_of(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC).astimezone()
