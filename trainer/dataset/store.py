"""The dataset: an index of samples in one SQLite file. Images are referenced where they lie."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import msgspec

from trainer.dataset import editing, fields
from trainer.dataset.classes import marking
from trainer.dataset.database import Database, create_file, damaged, open_file
from trainer.dataset.groups.certificate import SplitCertificate, certify
from trainer.dataset.groups.regrouping import compare_looks, regroup
from trainer.dataset.reading.layouts import layout_named
from trainer.dataset.reading.source.columns import Columns
from trainer.dataset.schema import LEAKS_ACCEPTED
from trainer.errors import DatasetError
from trainer.events import Listener, StopRequest, silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

    import pandas as pd

    from trainer.dataset.classes.malignancy import Marks

_BEFORE_FACTS = ("sample_id", "path", "class_name", "group_id", "split")
_AFTER_FACTS = ("width", "height", "bytes", "sha256")
_NUMBERS = {"width": "int64", "height": "int64", "bytes": "int64"}


StoredT = TypeVar("StoredT")


class SplitSettings(msgspec.Struct, frozen=True):
    """How the stored split was made (see `SplitCertificate` for the first fields).

    Attributes:
        given: the column that gave it (see `trainer.dataset.reading.source.columns.Columns`); empty if it was drawn.
        leaks_accepted: it divides groups, and the user wants it so.
    """

    seed: int
    fractions: tuple[float, float, float]
    notes: tuple[str, ...]
    given: str = ""
    leaks_accepted: bool = False


def fingerprint_of(rows: Iterable[Sequence[str | None]]) -> str:
    """Return a SHA-256 over id, file hash, class, group and part of samples, which come in the order of their ids."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(msgspec.json.encode(tuple(row)) + b"\n")
    return digest.hexdigest()


class DatasetStore:
    """A dataset file that is open.

    Use it as a context manager and from one thread. Other processes may read it at the same time, and write
    in turn.

    Attributes:
        database: the open file.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def create(cls, path: Path) -> DatasetStore:
        """Create an empty dataset.

        Raises:
            DatasetError: something is there already.
            StorageError: the file cannot be written.
        """
        return cls(create_file(path))

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> DatasetStore:
        """Open a dataset.

        Raises:
            DatasetError: missing, another kind of file, of a newer version, damaged, or locked.
        """
        return cls(open_file(path, read_only=read_only))

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The dataset file."""
        return self.database.path

    @property
    def root(self) -> Path:
        """The folder that holds the images.

        Raises:
            DatasetError: nothing has been imported yet.
        """
        root = self.database.fact("root")
        if root is None:
            raise DatasetError(f"Nothing has been imported into {self.path}; run `import` first.")
        return Path(root)

    @property
    def layout(self) -> str | None:
        """Name of the layout the images were imported with."""
        stored = self.database.fact("layout")
        known = layout_named(stored) if stored is not None else None
        return stored if known is None else known.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that usable samples have, sorted."""
        return marking.used_classes(self.database)

    @property
    def marks(self) -> Marks:
        """Which of the classes are malignant or precancerous, and which are benign."""
        return marking.stored_marks(self.database)

    @property
    def malignant(self) -> tuple[str, ...]:
        """Names of those classes that are malignant or precancerous, sorted."""
        return self.marks.malignant

    def frame(self, split: str | None = None) -> pd.DataFrame:
        """Return the usable samples, ordered by sample id.

        Args:
            split: only this part: `train`, `validation` or `test`.

        Returns:
            One row a sample: sample_id, path (absolute), class_name, group_id, split, the facts of
            `trainer.dataset.fields`, width and height (pixels, upright), bytes, sha256. What is not known is
            `None`, or NaN for a number.
        """
        import pandas as pd

        chosen = "" if split is None else " AND split = ?"
        columns = [*_BEFORE_FACTS, *(field.name for field in fields.FACTS), *_AFTER_FACTS]
        there = self.database.sample_columns()
        listed = ", ".join(name if name in there else "NULL" for name in columns)
        rows = self.database.rows(
            f"SELECT {listed} FROM samples WHERE usable{chosen} ORDER BY sample_id",  # noqa: S608 - names are declared
            () if split is None else (split,),
        )
        frame = pd.DataFrame(rows, columns=columns, dtype="object")
        if rows:
            root = str(self.root)
            # A Path for each of 100,000 samples would take a second.
            frame["path"] = [os.path.join(root, *path.split("/")) for path in frame["path"]]  # noqa: PTH118
        numbers = {field.name: "float64" for field in fields.FACTS if field.kind == "number"}
        return frame.astype(_NUMBERS | numbers)

    def problems(self) -> pd.DataFrame:
        """Return what was wrong with files and rows: path (absolute or empty), sample_id, kind, reason."""
        import pandas as pd

        rows = self.database.rows("SELECT path, sample_id, kind, reason FROM problems ORDER BY problem_id")
        root = str(self.root) if rows else ""
        return pd.DataFrame(
            [(str(Path(root, path)) if path else "", *rest) for path, *rest in rows],
            columns=["path", "sample_id", "kind", "reason"],
            dtype="object",
        )

    def files_with(self, hashes: Sequence[str]) -> dict[str, Path]:
        """Return, by SHA-256, the usable files that had one of these when they were imported, as absolute paths."""
        marks = ", ".join("?" * len(hashes))
        rows = self.database.rows(
            f"SELECT sha256, path FROM samples WHERE usable AND sha256 IN ({marks})",  # noqa: S608 - question marks
            tuple(hashes),
        )
        return {str(known): self.root / str(path) for known, path in rows}

    def fingerprint(self) -> str:
        """Return a SHA-256 over id, file hash, class, group and part of every usable sample."""
        return fingerprint_of(
            self.database.rows(
                "SELECT sample_id, sha256, class_name, group_id, split FROM samples WHERE usable ORDER BY sample_id"
            )
        )

    @property
    def split_settings(self) -> SplitSettings | None:
        """How the stored split was made; `None` if there is none."""
        return self._stored("split", SplitSettings, "how it was split")

    @property
    def columns(self) -> Columns:
        """The columns of tables that were chosen when the images were imported."""
        return self._stored("columns", Columns, "which columns were chosen") or Columns()

    @property
    def passed_over(self) -> dict[str, int]:
        """What the latest import did not take and did not count as a problem: why, in words, to its number.

        Empty for a dataset of a version that did not store it.
        """
        return self._stored("passed_over", dict[str, int], "what the import passed over") or {}

    def _stored(self, fact: str, sort: type[StoredT], what: str) -> StoredT | None:
        stored = self.database.fact(fact)
        try:
            return None if stored is None else msgspec.json.decode(stored, type=sort)
        except (msgspec.DecodeError, RecursionError) as error:
            raise damaged(self.path, f"{what} cannot be read ({error})") from error

    def certificate(self) -> SplitCertificate | None:
        """Count the stored split; `None` if there is none."""
        settings = self.split_settings
        if settings is None:
            return None
        return certify(
            self.frame(),
            seed=settings.seed,
            fractions=settings.fractions,
            notes=settings.notes,
            fingerprint=self.fingerprint(),
        )

    def check_integrity(self) -> list[str]:
        """Return sentences about damage inside the file; none if it is sound."""
        found = [str(row[0]) for row in self.database.rows("PRAGMA integrity_check") if row[0] != "ok"]
        found += [
            f"A row of {table} refers to something missing in {parent}."
            for table, _row, parent, _key in self.database.rows("PRAGMA foreign_key_check")
        ]
        return found

    def check_files(self, frame: pd.DataFrame) -> None:
        """Check that the image files of some samples are there and as large as they were at the import.

        Args:
            frame: of samples, see `frame`.

        Raises:
            DatasetError: a file is missing or has changed.
        """
        missing, changed = [], []
        for path, size in zip(frame["path"], frame["bytes"], strict=True):
            try:
                if os.stat(path).st_size != size:  # noqa: PTH116 - see frame()
                    changed.append(path)
            except OSError:
                missing.append(path)
        if missing:
            raise DatasetError(
                f"{len(missing):,} of {len(frame):,} images of {self.path} are no longer in {self.root} "
                f"(such as {Path(missing[0]).name}); put them back, or run `import` with the folder they are in now."
            )
        if changed:
            raise DatasetError(
                f"{len(changed):,} of {len(frame):,} images of {self.path} have changed since they were imported "
                f"(such as {changed[0]}); run `import` again."
            )

    # Changing

    def relocate(self, root: Path) -> None:
        """Point to the images again after their folder was moved.

        Raises:
            DatasetError: no such folder, or none of the images lies in it.
        """
        if not root.is_dir():
            raise DatasetError(f"There is no folder {root}; check the name.")
        if not self.lies_in(root):
            raise DatasetError(
                f"{root} does not hold the images of {self.path}; give the current location of the imported folder."
            )
        self.database.set_fact("root", str(root.resolve()))

    def lies_in(self, root: Path) -> bool:
        """Whether the images of the dataset are in the folder `root` (a sample of up to 100 is looked at)."""
        rows = self.database.rows("SELECT path, bytes FROM samples WHERE usable ORDER BY sha256 LIMIT 100")
        found = 0
        for path, size in rows:
            file = root / path
            found += file.is_file() and file.stat().st_size == size
        return bool(rows) and 2 * found > len(rows)

    def mark(
        self, *, malignant: Sequence[str] = (), benign: Sequence[str] = (), by_name: Sequence[str] = ()
    ) -> None:
        """Say which classes are malignant or precancerous, and which are benign (see `trainer.dataset.classes.marking.mark`).

        Raises:
            DatasetError: a name is not a class of this dataset, or is given twice.
        """
        marking.mark(self.database, malignant=malignant, benign=benign, by_name=by_name)

    def edit(self, sample_ids: Sequence[str], **values: fields.Value) -> None:
        """Correct fields of samples and update the groups; `undo` reverts it.

        Args:
            sample_ids: of the samples.
            values: new ones of `trainer.dataset.fields.editable` fields, by name.

        Raises:
            DatasetError: no such sample or field, or a value that cannot be stored.
        """
        editing.edit(self.database, sample_ids, values)

    def undo(self) -> str | None:
        """Undo the latest edit and return it, or `None` if there is none left."""
        return editing.undo(self.database)

    def regroup(self, *, listener: Listener = silent, stop: StopRequest | None = None) -> int:
        """Compare images that have not been compared yet, and recompute the groups.

        Args:
            listener: receives progress events.
            stop: ends the comparison; what was compared is kept.

        Returns:
            Number of samples that were moved from one part of the split to another (see
            `trainer.dataset.groups.regrouping.regroup`).

        Raises:
            StoppedError: on request.
        """
        try:
            compare_looks(self.database, listener=listener, stop=stop)
        finally:
            moved = regroup(self.database)
        return moved

    def write_split(self, parts: Mapping[str, str], settings: SplitSettings) -> None:
        """Store the part of each sample.

        Args:
            parts: sample id to `train`, `validation` or `test`; every other sample belongs to none.
            settings: how they were found.
        """
        with self.database.transaction():
            self.database.run("UPDATE samples SET split = NULL")
            self.database.run_many(
                "UPDATE samples SET split = ? WHERE sample_id = ?",
                [(part, sample_id) for sample_id, part in parts.items()],
            )
            self.database.set_fact("split", msgspec.json.encode(settings).decode())
            self.database.run("DELETE FROM facts WHERE name = ?", (LEAKS_ACCEPTED,))
            if settings.leaks_accepted:
                self.database.set_fact(LEAKS_ACCEPTED, "yes")
            # An undo must not bring back parts of an earlier split.
            self.database.run("DELETE FROM edit_changes WHERE field = 'split'")
