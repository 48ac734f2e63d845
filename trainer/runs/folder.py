"""A run's folder: what a window lists, and what a run resumes from.

```
RUN/config.toml          the settings
RUN/dataset.json         the dataset file it is trained on
RUN/split.json           the split's certificate
RUN/events.jsonl         what the run said and when, a line an event (see `RunFolder.recorded`)
RUN/history.json         metrics of every epoch
RUN/initial/             the network as it started, until the run has finished
RUN/checkpoints/         the last two and the best, until the run has finished
RUN/bundle/              what the run hands to diagnosis
RUN/learning_curves.png
```
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trainer.config import config_from_toml, config_to_toml
from trainer.dataset.groups.certificate import SplitCertificate
from trainer.errors import CheckpointError, ConfigError, StorageError, TrainerError
from trainer.events import (
    AnyEvent,
    EpochEnded,
    Progress,
    StageStarted,
    StepDone,
    decode_event,
    encode_event,
    moment_of,
)
from trainer.files import explained, open_regular, try_lock, write_bytes, write_text
from trainer.runs.bundle import read_bundle
from trainer.runs.checkpoint import CheckpointStore
from trainer.stored import UnreadableError, read_json, read_stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainer.config import RunConfig
    from trainer.events import Listener

STEPS_KEPT = 4_000
"""Of the steps of a stage so many are kept: more than a plot as wide as a screen can show, in less than a MiB."""

_LARGEST_EVENTS = 64 << 20  # bytes; no run of ours comes near it
_LOCK = ".lock"
_LOOK_SECONDS = 0.1
"""How long a run that starts waits for someone who only looked whether it was going on."""


class RunDataset(msgspec.Struct, frozen=True):
    """Where a run found its samples.

    Attributes:
        path: of the dataset file, absolute, when the run began or last went on.
    """

    path: str


_DATASET = msgspec.json.Decoder(RunDataset)
_CERTIFICATE = msgspec.json.Decoder(SplitCertificate)


class RunFolder:
    """Paths of a run, and the events file.

    Args:
        path: of the folder; made when first written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config_file = path / "config.toml"
        self.dataset_file = path / "dataset.json"
        self.split_file = path / "split.json"
        self.events_file = path / "events.jsonl"
        self.history_file = path / "history.json"
        self.bundle = path / "bundle"
        self.curves_file = path / "learning_curves.png"
        self.initial = path / "initial"
        self.checkpoints_folder = path / "checkpoints"

    def checkpoints(self) -> CheckpointStore:
        """Return the store of checkpoints."""
        return CheckpointStore(self.checkpoints_folder)

    def initial_checkpoint(self) -> CheckpointStore:
        """Return the store of the network as it started."""
        return CheckpointStore(self.initial)

    @property
    def begun(self) -> bool:
        """Whether a run has been started here."""
        return self.config_file.exists()

    def check_free(self) -> None:
        """Check that a new run may use this folder; one that failed before its network was ready does not count.

        Raises:
            ConfigError: another run or other files are here.
        """
        own = {_LOCK}
        if self.begun and self.events_file.exists() and not (self.initial.exists() or self.bundle.exists()):
            own |= {self.config_file.name, self.events_file.name}
        elif self.begun:
            raise ConfigError(f"{self.path} already holds a run; resume it, or choose another folder.")
        if not self.path.is_dir():
            return
        present = {entry.name for entry in self.path.iterdir() if not _is_leftover(entry)}
        if present - own:
            raise ConfigError(f"{self.path} is not an empty folder; choose another one for the run.")

    def check_resumable(self) -> None:
        """Check that a run has not finished and removed what it would resume from.

        Raises:
            CheckpointError: it has.
        """
        if self.bundle.exists() and not self.checkpoints().paths():
            raise CheckpointError(
                f"The run in {self.path} has finished: use its bundle {self.bundle}, or start a new run in another folder."
            )

    def remove_checkpoints(self) -> None:
        """Remove the checkpoints of a run that has finished, if its bundle is whole; without it they are all there is.

        Raises:
            BundleError: the bundle cannot be read again.
        """
        read_bundle(self.bundle)
        for folder in (self.checkpoints_folder, self.initial):
            # Gone at once, so that half of them are never taken for all; a folder that stays costs space alone.
            leaving = folder.with_name(f".{folder.name}.old")
            with contextlib.suppress(OSError):
                folder.rename(leaving)
            shutil.rmtree(leaving, ignore_errors=True)

    def start(self, config: RunConfig) -> None:
        """Make the folder for a new run.

        Raises:
            ConfigError: another run or other files are here.
            StorageError: the folder cannot be written.
        """
        self.check_free()
        write_text(self.config_file, config_to_toml(config))

    def config(self) -> RunConfig:
        """Return the settings the run was started with."""
        return config_from_toml(self.config_file)

    def write_dataset(self, dataset: Path) -> None:
        """Record which dataset file the run is trained on."""
        write_bytes(self.dataset_file, msgspec.json.encode(RunDataset(path=str(dataset.absolute()))) + b"\n")

    def read_dataset(self) -> Path | None:
        """Return the dataset file the run was trained on; `None` where that was not noted.

        Raises:
            TrainerError: the note cannot be read.
        """
        try:
            return Path(
                read_stored(self.dataset_file, _DATASET.decode, "the run's dataset is not known").path
            )
        except FileNotFoundError:
            return None

    def dataset(self) -> Path | None:
        """Return the dataset file the run was trained on; `None` where that is not known."""
        try:
            return self.read_dataset()
        except TrainerError:
            return None

    def write_certificate(self, certificate: SplitCertificate) -> None:
        """Record the split the run is trained on; the dataset may be split again while it runs."""
        write_bytes(self.split_file, msgspec.json.format(msgspec.json.encode(certificate), indent=1))

    def certificate(self) -> SplitCertificate:
        """Return the certificate of the split the run is trained on.

        Raises:
            StorageError: it is gone or damaged.
        """
        try:
            return read_json(self.split_file, _CERTIFICATE.decode)
        except (FileNotFoundError, UnreadableError) as error:
            reason = str(error) if isinstance(error, UnreadableError) else "it is missing"
            raise StorageError(
                f"{self.split_file}, which records the split of the run, cannot be read ({reason}); start a new run."
            ) from error

    @property
    def in_use(self) -> bool:
        """Whether a process is training here now; checking this creates no file and disturbs no run."""
        try:
            handle = os.open(self.path / _LOCK, os.O_RDWR)
        except OSError:
            return False
        try:
            return not try_lock(handle)
        finally:
            os.close(handle)

    def write_history(self, history: list[EpochEnded]) -> None:
        """Write the metrics of every epoch."""
        write_bytes(self.history_file, msgspec.json.format(msgspec.json.encode(history), indent=1))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from working on this run.

        Raises:
            ConfigError: one does already.
        """
        if self.path.exists() and not self.path.is_dir():
            raise ConfigError(f"{self.path} is a file; choose another name for the run's folder.")
        with explained(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not try_lock(handle):
                time.sleep(_LOOK_SECONDS)
                if not try_lock(handle):
                    raise ConfigError(f"Another process is training in {self.path}; wait for it or stop it.")
            self._remove_leftovers()
            yield
        finally:
            os.close(handle)

    def _remove_leftovers(self) -> None:
        """Remove what a killed process has left half written or half removed; only who holds the lock may."""
        patterns = [".bundle.*.tmp", ".checkpoints.old", ".initial.old"]
        if self.bundle.exists():
            patterns.append(".bundle.*.old")
        with contextlib.suppress(OSError):
            for pattern in patterns:
                for leftover in self.path.glob(pattern):
                    shutil.rmtree(leftover, ignore_errors=True)

    def kept_events(self, end: int = _LARGEST_EVENTS) -> Iterator[tuple[float | None, AnyEvent]]:
        """Yield what the run has said and when, seconds since 1970 (`None` where older versions did not note it).

        Lines that are no events are left out, as a killed process may leave half a one.

        Args:
            end: bytes of the events file to read.
        """
        try:
            with open_regular(self.events_file) as stream:
                lines = stream.read(min(end, _LARGEST_EVENTS)).splitlines()
        except OSError:
            return
        for line in lines:
            with contextlib.suppress(ConfigError):
                yield moment_of(line), decode_event(line)

    @contextlib.contextmanager
    def recorded(self, listener: Listener) -> Iterator[Listener]:
        """Yield a listener that also writes to the events file: all but progress, and of the steps enough to draw them."""
        with explained(self.path):
            stream = self.events_file.open("ab+")
            if stream.tell():
                stream.seek(-1, os.SEEK_END)
                if stream.read(1) != b"\n":
                    # A killed process may have left half a line; what follows starts on one of its own.
                    stream.write(b"\n")

        keeps = _Thinning()

        def record(event: AnyEvent) -> None:
            if keeps(event):
                with explained(self.events_file):
                    stream.write(encode_event(event, time.time()))
                    stream.flush()
            listener(event)

        try:
            yield record
        finally:
            # What a full disk did not take would be tried again here, and hide the error that says so.
            with contextlib.suppress(OSError):
                stream.close()


class _Thinning:
    """Tells what of a run is kept; the steps of a stage evenly, whatever their number."""

    def __init__(self) -> None:
        self._stride, self._last = 1, -1

    def __call__(self, event: AnyEvent) -> bool:
        if isinstance(event, StageStarted):
            self._stride = max(1, -(-event.epochs * event.steps_per_epoch // STEPS_KEPT))
            self._last = -1
        elif isinstance(event, StepDone):
            place = ((event.epoch - 1) * event.steps + event.step - 1) // self._stride
            if place == self._last:
                return False
            self._last = place
        return not isinstance(event, Progress)


def _is_leftover(path: Path) -> bool:
    """Whether a process that was killed while writing left this."""
    return path.name.startswith(".config.toml.") and path.suffix == ".tmp"
