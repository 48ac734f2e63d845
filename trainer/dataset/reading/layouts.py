"""Finds out what a folder of images holds: which file is which sample, of which class, of which lesion.

Each layout is declared in a module of its own. Nothing is decoded here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trainer.dataset.reading.class_folders import CLASS_FOLDERS
from trainer.dataset.reading.class_tables import CSV, HAM10000
from trainer.dataset.reading.joining import join_classes
from trainer.dataset.reading.source.scanning import scan
from trainer.dataset.reading.truth_tables import ISIC2018
from trainer.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from trainer.dataset.reading.layout import Layout
    from trainer.dataset.reading.source.columns import Columns
    from trainer.dataset.reading.source.listing import Listing
    from trainer.dataset.reading.source.scanning import Tree
    from trainer.events import StopRequest

AUTO = "auto"
"""Stands for the layout that is recognised."""

LAYOUTS: tuple[Layout, ...] = (HAM10000, ISIC2018, CSV, CLASS_FOLDERS)
"""The layouts, in the order in which they are tried."""


def layout_named(name: str) -> Layout | None:
    """Return the layout of a name or an alias, if there is one."""
    return next((layout for layout in LAYOUTS if name in (layout.name, *layout.aliases)), None)


def layout_choices() -> str:
    """Return what a layout may be chosen by, for messages and help texts."""
    names = [AUTO, *(layout.name for layout in LAYOUTS)]
    return f"{', '.join(names[:-1])} or {names[-1]}"


def read_source(
    source: Path,
    layout: str = AUTO,
    stored: Collection[str] = (),
    columns: Columns | None = None,
    stop: StopRequest | None = None,
) -> Listing:
    """List the samples of a folder, or of a table and its folder.

    Args:
        source: a folder, or a table beside or above the images.
        layout: `auto`, or the name or an alias of one of `LAYOUTS`.
        stored: names of the classes of the dataset that the samples are for; they are kept.
        columns: of the table, as far as they are not to be recognised.
        stop: ends the search of the folder.

    Raises:
        DatasetError: no such folder, nothing in it, no table and no class folders, wrong columns.
        StoppedError: on request.
    """
    if layout_named(layout) is None and layout != AUTO:
        raise DatasetError(f"There is no layout {layout!r}; choose {layout_choices()}.")
    return listing_of(scan(source, columns, stop), layout, stored)


def listing_of(tree: Tree, layout: str = AUTO, stored: Collection[str] = ()) -> Listing:
    """List the samples of a folder that has been looked through (see `read_source`).

    Raises:
        DatasetError: no table and no class folders, or wrong columns.
    """
    found = layout_named(layout) or _detect(tree)
    listing = found.read(tree)
    samples, notes = join_classes(listing.samples, short_names=found.short_names, stored=stored)
    return msgspec.structs.replace(listing, samples=samples, notes=(*listing.notes, *notes))


def _detect(tree: Tree) -> Layout:
    for layout in LAYOUTS:
        if layout.recognises(tree):
            return layout
    if tree.candidates:
        raise CSV.wrong_columns(tree)
    raise DatasetError(
        f"There are images in {tree.root}, but no table of their classes (such as {HAM10000.example}) and no "
        "folder for each class; put the table into this folder."
    )
