"""The tables of a folder or dataset, for the form that asks for their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trainer.dataset.reading.source.previews import preview_tables
from trainer.dataset.store import DatasetStore

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.dataset.reading.source.columns import Columns
    from trainer.dataset.reading.source.previews import TablePreview


class Tables(NamedTuple):
    """Tables whose columns may be chosen.

    Attributes:
        source: the folder, or the table, that is to be imported.
        dataset: the file to import into, if it is there already.
        previews: their first rows.
        columns: that were chosen when the dataset was last imported.
    """

    source: Path
    dataset: Path | None
    previews: tuple[TablePreview, ...]
    columns: Columns | None


def tables_of(source: Path, dataset: Path | None = None) -> Tables:
    """Read the first rows of the tables; takes a moment, so call it in a worker.

    Raises:
        DatasetError: the folder or the dataset cannot be read.
    """
    columns = None
    if dataset is not None:
        with DatasetStore.open(dataset, read_only=True) as store:
            columns = store.columns
    return Tables(source, dataset, tuple(preview_tables(source)), columns)
