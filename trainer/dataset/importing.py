"""Brings a folder of images into a dataset: every file is decoded once, and none stops the import."""

from __future__ import annotations

import concurrent.futures
import os
import time
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from trainer.dataset.classes.malignancy import mixed, mixed_note
from trainer.dataset.contradictions import copies_in_words, set_contradictions_aside
from trainer.dataset.given_split import given_parts, store_given_split
from trainer.dataset.groups.regrouping import regroup
from trainer.dataset.likeness.looks import detail_of, thumbnail_of
from trainer.dataset.reading.layouts import AUTO, layout_named, read_source
from trainer.dataset.reading.source.listing import Found, Listing, Problem
from trainer.dataset.recording import (
    Checked,
    FileState,
    Known,
    Rejected,
    forget_rejected,
    known_samples,
    record_checked,
    record_listing,
    rejected_files,
)
from trainer.dataset.reports import ImportReport
from trainer.dataset.store import DatasetStore
from trainer.errors import DatasetError, ImageError
from trainer.events import Listener, Progress, Said, StopRequest, Warned, silent
from trainer.images.decoding import checked

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from trainer.dataset.reading.source.columns import Columns

WORKERS = min(4, max(2, os.cpu_count() or 2))
_BATCH = 256
_BATCH_SECONDS = 2.0
_AHEAD = 4 * WORKERS
_EVENT_SECONDS = 0.1


def import_dataset(
    source: Path,
    out: Path,
    *,
    layout: str = AUTO,
    columns: Columns | None = None,
    listener: Listener = silent,
    stop: StopRequest | None = None,
) -> ImportReport:
    """Index the images of a folder in a dataset file.

    Importing again adds what is new: a file is decoded only if its path, size or time of change differ.
    Files that cannot be used are listed in `DatasetStore.problems`. Fields corrected by hand stay as they are.

    Args:
        source: a folder, or a table beside or above its images.
        out: the dataset file; created if it is not there.
        layout: `auto`, or a name of `trainer.dataset.reading.layouts.LAYOUTS`.
        columns: of the table that the user chose; by default those chosen when it was last imported.
        listener: receives progress events.
        stop: ends the import between two files.

    Raises:
        DatasetError: nothing to import, wrong columns, `out` is something else, or the tables give a split that
            leaks.
        StorageError: `out` cannot be written.
        StoppedError: on request; what was checked is kept.
    """
    started = time.monotonic()
    stop = stop or StopRequest()
    exists = out.exists() and (out.is_dir() or out.stat().st_size > 0)
    if not exists:
        listing = read_source(source, layout, columns=columns, stop=stop)
        parts = given_parts(listing)
        with DatasetStore.create(out) as store:
            return _Import(store, listing, parts, listener, stop, started).run()
    with DatasetStore.open(out) as store:
        chosen = store.columns if columns is None else columns
        listing = read_source(source, _stored_layout(store, layout, chosen), store.classes, chosen, stop)
        _check_root(store, listing.root, listener)
        settings = store.split_settings
        # A split that was drawn since is what the user wants now.
        wanted = columns is not None or settings is None or settings.given
        parts = given_parts(listing) if wanted else {}
        return _Import(store, listing, parts, listener, stop, started).run()


def _stored_layout(store: DatasetStore, layout: str, columns: Columns) -> str:
    if columns.image is not None or columns.class_name is not None:
        return layout  # the tables are read in another way than before
    stored = store.layout
    if stored is None or layout == AUTO:
        return stored or layout
    wanted = layout_named(layout)
    if wanted is not None and wanted.name != stored:
        raise DatasetError(
            f"{store.path} was imported with the layout {stored}, not {layout}; give another name for a new dataset."
        )
    return layout


def _check_root(store: DatasetStore, root: Path, listener: Listener) -> None:
    if store.layout is None:
        return
    old = store.root
    if old == root or (old.exists() and old.samefile(root)):
        return
    if old.exists() or not store.lies_in(root):
        raise DatasetError(
            f"{store.path} holds the images of {old}, not of {root}; give another name for a new dataset."
        )
    store.relocate(root)
    listener(Said(message=f"The images were moved from {old} to {root}; the dataset now points there."))


class _Import:
    """One import: the state that its steps share."""

    def __init__(
        self,
        store: DatasetStore,
        listing: Listing,
        parts: Mapping[str, str],
        listener: Listener,
        stop: StopRequest,
        started: float,
    ) -> None:
        self._store = store
        self._database = store.database
        self._listing = listing
        self._parts = parts
        self._listener = listener
        self._stop = stop
        self._started = started
        self._known: dict[str, Known] = known_samples(
            store.database, {sample.class_name for sample in listing.samples}
        )
        self._last_event = 0.0

    def run(self) -> ImportReport:
        database, listing = self._database, self._listing
        with database.transaction():
            database.set_fact("root", str(listing.root))
            database.set_fact("layout", listing.layout)
            database.set_fact("columns", msgspec.json.encode(listing.columns).decode())
            database.set_fact("passed_over", msgspec.json.encode(listing.passed_over).decode())
        self._say(list(listing.notes))
        problems = list(listing.problems)
        unchanged, queue, refused = self._sort_out(problems)
        seen = {sample.sample_id for sample in listing.samples} - {
            p.sample_id for p in problems[len(listing.problems) :]
        }
        gone = [
            sample_id for sample_id, known in self._known.items() if known.usable and sample_id not in seen
        ]
        forget_rejected(database, set(rejected_files(database)) - refused - {s.path for s, _ in queue})
        refreshed = record_listing(
            database, problems=problems, listed=unchanged, known=self._known, gone=gone
        )
        done = len(unchanged) + len(refused)
        try:
            added, updated = self._check(queue, done)
        finally:
            # Also when it was stopped: then only by the ids that are known.
            aside = set_contradictions_aside(database)
            moved = regroup(database)
        moved += self._store.regroup(listener=self._listener, stop=self._stop)
        notes = list(listing.notes)
        notes += self._say([*copies_in_words(database), *self._consequences(moved)])
        if self._parts:
            notes += self._say(store_given_split(self._store, listing, self._parts))
        aside_before = {name for name in aside if name in self._known and not self._known[name].usable}
        frame = self._store.frame()
        notes += [mixed_note(name) for name in self._store.malignant if mixed(name)]
        kinds: dict[str, int] = dict(
            database.rows("SELECT kind, count(*) FROM problems GROUP BY kind ORDER BY kind")
        )
        return ImportReport(
            added=added - sum(name not in self._known for name in aside),
            updated=updated + refreshed - len(aside_before),
            unchanged=len(unchanged) - refreshed,
            removed=len(gone),
            total=len(frame),
            problems=sum(kinds.values()),
            problem_kinds=kinds,
            classes={str(k): int(v) for k, v in frame["class_name"].value_counts().sort_index().items()},
            lesions=int(frame["lesion_id"].nunique()),
            layout=listing.layout,
            seconds=time.monotonic() - self._started,
            notes=tuple(notes),
            passed_over=listing.passed_over,
        )

    def _sort_out(
        self, problems: list[Problem]
    ) -> tuple[list[Found], list[tuple[Found, FileState]], set[str]]:
        """Part the samples into unchanged ones, ones to be decoded, and unchanged files that were refused."""
        refused_before = rejected_files(self._database)
        unchanged: list[Found] = []
        queue: list[tuple[Found, FileState]] = []
        refused: set[str] = set()
        for sample in self._listing.samples:
            try:
                facts = (self._listing.root / sample.path).stat()
            except OSError as error:
                problems.append(
                    Problem(
                        path=sample.path,
                        sample_id=sample.sample_id,
                        kind="missing",
                        reason=f"{sample.path} cannot be reached: {error.strerror or error}.",
                    )
                )
                continue
            state = FileState(facts.st_size, facts.st_mtime_ns)
            known = self._known.get(sample.sample_id)
            if refused_before.get(sample.path) == state:
                refused.add(sample.path)
            elif known is not None and (known.path, known.state) == (sample.path, state):
                unchanged.append(sample)
            else:
                queue.append((sample, state))
        return unchanged, queue, refused

    def _check(self, queue: Sequence[tuple[Found, FileState]], done: int) -> tuple[int, int]:
        """Decode the files in the queue and store the results; return how many samples are new, and changed."""
        total = done + len(queue)
        added = updated = 0
        checked: list[Checked] = []
        rejected: list[Rejected] = []
        committed = time.monotonic()
        root = self._listing.root
        self._say_progress(done, total, force=True)
        outcomes = _in_order(lambda item: _check_file(root, *item), queue, self._stop)
        try:
            for outcome in outcomes:
                if isinstance(outcome, Checked):
                    checked.append(outcome)
                    is_known = outcome.sample.sample_id in self._known
                    added += not is_known
                    updated += is_known
                else:
                    rejected.append(outcome)
                done += 1
                self._say_progress(done, total)
                now = time.monotonic()
                if len(checked) + len(rejected) >= _BATCH or now - committed > _BATCH_SECONDS:
                    record_checked(self._database, checked, rejected, self._known)
                    checked, rejected, committed = [], [], now
        finally:
            outcomes.close()
            record_checked(self._database, checked, rejected, self._known)
        self._say_progress(done, total, force=True)
        return added, updated

    def _say_progress(self, done: int, total: int, *, force: bool = False) -> None:
        now = time.monotonic()
        if force or now - self._last_event >= _EVENT_SECONDS:
            self._last_event = now
            self._listener(Progress(task="Checking images", done=done, total=total, unit="images"))

    def _say(self, notes: list[str]) -> list[str]:
        for note in notes:
            self._listener(Warned(message=note))
        return notes

    def _consequences(self, moved: int) -> list[str]:
        """Return what the import means for a split that was made before."""
        if self._parts:
            return []
        certificate = self._store.certificate()
        notes = []
        if moved:
            notes.append(
                f"{moved:,} images changed their part of the split because their lesion, patient or picture turned "
                "out to be in two parts; networks trained before were scored on another test part."
            )
        if certificate is not None and certificate.without_part:
            notes.append(
                f"{certificate.without_part:,} new images are in no part of the split; run `split` again to give "
                "them one."
            )
        return notes


def _in_order(
    work: Callable[[tuple[Found, FileState]], Checked | Rejected],
    items: Sequence[tuple[Found, FileState]],
    stop: StopRequest,
) -> Generator[Checked | Rejected]:
    """Yield the results of `work` in order, with a few items in hand at a time; ask `stop` between them."""
    with concurrent.futures.ThreadPoolExecutor(WORKERS, thread_name_prefix="check") as pool:
        pending: deque[concurrent.futures.Future[Checked | Rejected]] = deque()
        try:
            for item in items:
                stop.raise_if_asked()
                pending.append(pool.submit(work, item))
                if len(pending) >= _AHEAD:
                    yield pending.popleft().result()
            while pending:
                stop.raise_if_asked()
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _check_file(root: Path, sample: Found, state: FileState) -> Checked | Rejected:
    path = root / sample.path
    try:
        # Large images wait for each other here: several decoded ones would fill the memory.
        with checked(path) as (image, facts):
            return Checked(
                sample=sample,
                state=state,
                width=facts.width,
                height=facts.height,
                sha256=facts.sha256,
                thumbnail=thumbnail_of(image),
                detail=detail_of(image),
            )
    except ImageError as error:
        problem = Problem(path=sample.path, sample_id=sample.sample_id, kind=error.kind, reason=str(error))
        return Rejected(problem, state)
