"""Finds out what a folder of images holds: which file is which sample, of which class, of which lesion.

Layouts: `kaggle` (HAM10000 as Kaggle and Dataverse ship it), `isic2018` (ISIC challenge: one-hot truth table),
`class-folders` (one folder per class) and `csv` (any table with recognisable columns). Nothing is decoded here.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, get_args

from trainer.dataset import fields
from trainer.dataset.classes import HAM_CLASSES, tidy_class
from trainer.dataset.fields import CLASS, IMAGE
from trainer.dataset.reading.listing import Found, LayoutName, Listing, Problem
from trainer.dataset.reading.matching import Claim, Matcher
from trainer.dataset.reading.scanning import Tree, scan, without_suffix
from trainer.dataset.reading.tables import Table, column_of, read_table, text_or_none
from trainer.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LAYOUTS: dict[str, LayoutName] = {**{name: name for name in get_args(LayoutName)}, "ham10000": "kaggle"}
"""Names a layout may be chosen by."""

_KAGGLE_COLUMNS = ("image_id", "lesion_id", "dx")
_ONE_HOT = {**{name: name for name in HAM_CLASSES}, "ak": "akiec", "scc": "scc", "unk": "unk"}
"""Columns of the ISIC 2018 and 2019 truth tables to class names; scc and unk are none of HAM10000's."""

_FEWEST_ONE_HOT = 2
_MARKED = 0.5
_PART_FOLDERS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
_IMAGE_FOLDER = re.compile(
    r"(ham10000|isic).*|.*(images?|input)([ _-]?part)?[ _-]?\d*|(imgs?|data|jpe?gs?|pngs?|photos?|pictures?|part[ _-]?\d+)",
    re.IGNORECASE,
)
"""Folder names that say "images here" and name no class."""


def read_source(source: Path, layout: str = "auto") -> Listing:
    """List the samples of a folder, or of a table and its folder.

    Args:
        source: a folder, or a CSV file beside or above the images.
        layout: `auto`, or a name in `LAYOUTS`.

    Raises:
        DatasetError: no such folder, nothing in it, no table and no class folders, wrong columns.
    """
    if layout != "auto" and layout not in LAYOUTS:
        raise DatasetError(f"There is no layout {layout!r}; choose auto, {', '.join(LAYOUTS)}.")
    tree = scan(source)
    chosen = _detect(tree) if layout == "auto" else LAYOUTS[layout]
    if chosen == "class-folders":
        return _read_class_folders(tree)
    names = _suitable_tables(tree, chosen)
    tables = [read_table(tree.root / name) for name in names]
    claims: Iterable[Claim]
    if chosen == "isic2018":
        companions = _companions(tree, names)
        claims = (claim for table in tables for claim in _one_hot_claims(tree, table, companions))
    else:
        claims = (claim for table in tables for claim in _plain_claims(tree, table))
    known = HAM_CLASSES if chosen in ("kaggle", "isic2018") else None
    notes = []
    if len(names) > 1:
        notes.append(f"These tables were read together: {', '.join(names)}.")
    matcher = Matcher(tree, known)
    for claim in claims:
        matcher.add(claim)
    matcher.report_rest()
    return _listing(tree, chosen, matcher.samples, matcher.problems, notes)


def _is_kaggle(columns: Sequence[str]) -> bool:
    return all(name in columns for name in _KAGGLE_COLUMNS)


def _is_one_hot(columns: tuple[str, ...]) -> bool:
    return column_of(IMAGE, columns) is not None and len(_ONE_HOT.keys() & set(columns)) >= _FEWEST_ONE_HOT


def _is_plain(columns: tuple[str, ...]) -> bool:
    return column_of(IMAGE, columns) is not None and column_of(CLASS, columns) is not None


_TESTS = {"kaggle": _is_kaggle, "isic2018": _is_one_hot, "csv": _is_plain}


def _tables(tree: Tree) -> dict[str, tuple[str, ...]]:
    return tree.tables if tree.named is None else {tree.named: tree.tables[tree.named]}


def _detect(tree: Tree) -> LayoutName:
    tables = _tables(tree)
    for layout, test in _TESTS.items():
        if any(test(columns) for columns in tables.values()):
            return LAYOUTS[layout]
    if tree.named is None and _has_class_folders(tree):
        return "class-folders"
    if tables:
        raise _wrong_columns(tree, "csv")
    raise DatasetError(
        f"There are images in {tree.root}, but no table of their classes (such as HAM10000_metadata.csv) and no "
        "folder for each class; put the table into this folder."
    )


def _suitable_tables(tree: Tree, layout: LayoutName) -> list[str]:
    tables = _tables(tree)
    if not tables:
        example = (
            "ISIC2018_Task3_Training_GroundTruth.csv" if layout == "isic2018" else "HAM10000_metadata.csv"
        )
        raise DatasetError(
            f"There is no CSV table in {tree.root}; put the one that names the images' classes (such as {example}) there."
        )
    suitable = [name for name, columns in tables.items() if _TESTS[layout](columns)]
    if not suitable:
        raise _wrong_columns(tree, layout)
    if layout == "csv" and len(suitable) > 1:
        raise DatasetError(
            f"Several tables in {tree.root} name classes ({', '.join(suitable)}); give the one you want instead of the folder."
        )
    return suitable


def _wrong_columns(tree: Tree, layout: LayoutName) -> DatasetError:
    def missing(columns: tuple[str, ...]) -> list[str]:
        if layout == "kaggle":
            return [name for name in _KAGGLE_COLUMNS if name not in columns]
        absent = []
        if column_of(IMAGE, columns) is None:
            absent.append(f"one for the image ({', '.join(IMAGE.columns[:4])} ...)")
        if layout == "isic2018":
            absent += [name.upper() for name in HAM_CLASSES if name not in columns]
        elif column_of(CLASS, columns) is None:
            absent.append(f"one for the class ({', '.join(CLASS.columns[:4])} ...)")
        return absent

    tables = _tables(tree)
    name = min(tables, key=lambda table: len(missing(tables[table])))
    if not tables[name]:
        try:
            read_table(tree.root / name)
        except DatasetError as error:
            return error
        return DatasetError(
            f"The table {tree.root / name} is empty; take the one that names the images' classes."
        )
    found = ", ".join(tables[name][:12]) + (" ..." if len(tables[name]) > 12 else "")  # noqa: PLR2004 - what fits a line
    return DatasetError(
        f"The table {tree.root / name} has the wrong columns: missing {' and '.join(missing(tables[name]))}; found {found}."
    )


def _fields(table: Table, cells: dict[str, str]) -> dict[str, str | None]:
    columns = {field.name: table.column_of(field) for field in fields.FACTS}
    return {name: cells.get(column) for name, column in columns.items() if column is not None}


def _folder(tree: Tree, table: Table) -> str:
    return table.path.parent.relative_to(tree.root).as_posix()


def _plain_claims(tree: Tree, table: Table) -> Iterator[Claim]:
    image, class_name = table.column_of(IMAGE), table.column_of(CLASS)
    assert image is not None
    assert class_name is not None
    folder = _folder(tree, table)
    for line, cells in table.rows:
        name = text_or_none(cells.get(class_name)) or ""
        yield Claim(
            (cells.get(image) or "").strip(),
            folder,
            f"{table.path.name}, line {line}",
            tidy_class(name),
            None if name else "no class is given",
            _fields(table, cells),
        )


def _one_hot_claims(
    tree: Tree, table: Table, companions: dict[str, dict[str, str | None]]
) -> Iterator[Claim]:
    image = table.column_of(IMAGE)
    assert image is not None
    folder = _folder(tree, table)
    columns = [name for name in table.columns if name in _ONE_HOT]
    for line, cells in table.rows:
        marked = [name for name in columns if _is_marked(cells.get(name))]
        reference = (cells.get(image) or "").strip()
        facts = {**companions.get(without_suffix(reference), {}), **_fields(table, cells)}
        trouble = None
        if len(marked) != 1:
            trouble = (
                f"{len(marked)} classes are marked ({', '.join(marked)})" if marked else "no class is marked"
            )
        yield Claim(
            reference,
            folder,
            f"{table.path.name}, line {line}",
            _ONE_HOT[marked[0]] if marked else "",
            trouble,
            facts,
        )


def _is_marked(cell: str | None) -> bool:
    try:
        return float(cell or 0) > _MARKED
    except ValueError:
        return False


def _companions(tree: Tree, names: Sequence[str]) -> dict[str, dict[str, str | None]]:
    """Return what other tables (metadata, lesion groupings) say about each image."""
    facts: dict[str, dict[str, str | None]] = {}
    for name, columns in tree.tables.items():
        image = column_of(IMAGE, columns)
        if name in names or image is None or not any(column_of(field, columns) for field in fields.FACTS):
            continue
        table = read_table(tree.root / name)
        for _line, cells in table.rows:
            known = facts.setdefault(without_suffix((cells.get(image) or "").strip()), {})
            for field, cell in _fields(table, cells).items():
                if known.get(field) is None:
                    known[field] = text_or_none(cell)
    return facts


def _listing(
    tree: Tree, layout: LayoutName, samples: list[Found], problems: list[Problem], notes: list[str]
) -> Listing:
    if samples and not any(sample.grouped for sample in samples):
        notes.append(
            "No lesion or patient ids are known: two images of one lesion may come into different parts of a split."
        )
    return Listing(
        layout=layout,
        root=tree.root.resolve(),
        samples=samples,
        problems=problems,
        notes=tuple(notes),
    )


def _class_depth(tree: Tree) -> tuple[int, list[str]] | None:
    """Return at which depth below the root the class folders lie, and their names; `None` if there are none."""
    parents = [PurePosixPath(path).parts[:-1] for path in tree.images]
    if not parents or min(len(parts) for parts in parents) == 0:
        parents = [parts for parts in parents if parts]
        if not parents:
            return None
    depth = 0
    while True:
        names = sorted({parts[depth] for parts in parents if len(parts) > depth})
        deeper = all(len(parts) > depth + 1 for parts in parents)
        lone = len(names) == 1 and tidy_class(names[0]) not in HAM_CLASSES
        if not deeper or not (lone or _are_parts(names)):
            return depth, names
        depth += 1


def _are_parts(names: Sequence[str]) -> bool:
    return all(name.lower() in _PART_FOLDERS for name in names)


def _has_class_folders(tree: Tree) -> bool:
    found = _class_depth(tree)
    if found is None:
        return False
    _depth, names = found
    if any(tidy_class(name) in HAM_CLASSES for name in names):
        return True
    # With a table at hand that could not be read, folders are only taken for classes if one is known.
    plain = any(_IMAGE_FOLDER.fullmatch(name) for name in names) or _are_parts(names)
    return not tree.tables and not plain


def _read_class_folders(tree: Tree) -> Listing:
    found = _class_depth(tree)
    if found is None:
        raise DatasetError(
            f"The images in {tree.root} do not lie in folders; put those of each class into a folder of its name."
        )
    depth, _names = found
    samples: list[Found] = []
    problems = list(tree.problems)
    for path in tree.images:
        parts = PurePosixPath(path).parts[:-1]
        if len(parts) > depth:
            samples.append(Found(sample_id=path, path=path, class_name=tidy_class(parts[depth])))
        else:
            problems.append(
                Problem(
                    path=path,
                    sample_id=path,
                    kind="without-metadata",
                    reason=f"{path} lies in no class folder.",
                )
            )
    notes = []
    above = sorted({PurePosixPath(sample.path).parts[depth - 1] for sample in samples}) if depth else []
    if len(above) > 1:
        notes.append(f"The folders {', '.join(above)} were read together; `split` makes its own parts.")
    return _listing(tree, "class-folders", samples, problems, notes)
