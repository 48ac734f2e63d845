"""The samples of a dataset as columns: read once in a worker, then filtered and sorted in memory."""

from __future__ import annotations

import dataclasses
import enum
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from trainer.dataset import fields
from trainer.dataset.groups.certificate import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import numpy.typing as npt
    import pandas as pd

    from trainer.dataset.classes.malignancy import Marks

    Mask: TypeAlias = npt.NDArray[np.bool_]
    Rows: TypeAlias = npt.NDArray[np.int64]
    Codes: TypeAlias = npt.NDArray[np.int32]

_LAST = np.iinfo(np.int32).max
_SHORTEST_ID = 5  # characters of an id that are shown at least


@dataclass(frozen=True, eq=False)
class TextColumn:
    """A text of each sample, stored once for all that share it.

    Attributes:
        texts: the different texts, sorted (or in an order of their own).
        codes: (n,) place in `texts`; -1 where the text is not known.
        folded: `texts` for comparing without regard to case.
    """

    texts: tuple[str, ...]
    codes: Codes
    folded: tuple[str, ...]

    @classmethod
    def of(cls, cells: Sequence[str | None], texts: tuple[str, ...] | None = None) -> TextColumn:
        """Build a column.

        Args:
            cells: (n,) of each sample.
            texts: those there may be, in their order; by default those there are, sorted.
        """
        import pandas as pd  # half a second, paid in the worker that reads a dataset

        if texts is None:
            codes, found = pd.factorize(np.asarray(cells, dtype=object), sort=True)
            texts = tuple(str(text) for text in found)
        else:
            codes = pd.Index(texts).get_indexer(pd.Index(cells, dtype=object))
        return cls(texts, np.asarray(codes, dtype=np.int32), tuple(text.casefold() for text in texts))

    def at(self, row: int) -> str | None:
        """Return the text of a sample, if it is known."""
        code = int(self.codes[row])
        return None if code < 0 else self.texts[code]

    def where(self, test: Callable[[str], bool]) -> Mask:
        """Return which samples' texts, without regard to case, pass a test; unknown ones do not."""
        passed = np.fromiter((test(text) for text in self.folded), dtype=bool, count=len(self.folded))
        return np.append(passed, False)[self.codes]

    def among(self, names: Collection[str]) -> Mask:
        """Return which samples have one of the texts."""
        chosen = np.fromiter((text in names for text in self.texts), dtype=bool, count=len(self.texts))
        return np.append(chosen, False)[self.codes]

    def counts(self, rows: Rows | None = None) -> dict[str, int]:
        """Return how many samples have each text, among some rows or all."""
        codes = self.codes if rows is None else self.codes[rows]
        numbers = np.bincount(codes[codes >= 0], minlength=len(self.texts))
        return {text: int(n) for text, n in zip(self.texts, numbers, strict=True)}


class SortKey(enum.Enum):
    """What samples can be sorted by."""

    ID = "id"
    CLASS = "class"
    AGE = "age"
    LESION = "lesion"
    SPLIT = "split"
    SIZE = "size"


@dataclass(frozen=True, eq=False)
class SampleTable:
    """The samples of a dataset; a sample is named by its row, 0 to n - 1, in the order of the sample ids.

    Attributes:
        paths: (n,) absolute.
        id, class_name: texts.
        split: its texts are `train`, `validation`, `test`.
        texts: facts that are text, by name of the field (see `trainer.dataset.fields`).
        numbers: facts that are numbers, (n,) each, NaN where unknown.
        width, height: (n,) pixels, upright.
        bytes: (n,) of the file.
        marks: which classes are malignant or precancerous, and which are benign.
    """

    paths: Sequence[str]
    id: TextColumn
    class_name: TextColumn
    split: TextColumn
    texts: Mapping[str, TextColumn]
    numbers: Mapping[str, npt.NDArray[np.float64]]
    width: npt.NDArray[np.int64]
    height: npt.NDArray[np.int64]
    bytes: npt.NDArray[np.int64]
    marks: Marks
    _orders: dict[tuple[SortKey, bool], Rows] = dataclasses.field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, frame: pd.DataFrame, marks: Marks) -> SampleTable:
        """Build the table from what `DatasetStore.frame` returns."""

        def text(column: str, texts: tuple[str, ...] | None = None) -> TextColumn:
            return TextColumn.of(frame[column].tolist(), texts)

        ids = tuple(str(sample_id) for sample_id in frame["sample_id"])
        return cls(
            paths=frame["path"].tolist(),
            id=TextColumn(
                ids, np.arange(len(ids), dtype=np.int32), tuple(sample_id.casefold() for sample_id in ids)
            ),
            class_name=text("class_name"),
            split=text("split", PARTS),
            texts={field.name: text(field.name) for field in fields.FACTS if field.kind == "text"},
            numbers={
                field.name: frame[field.name].to_numpy(np.float64)
                for field in fields.FACTS
                if field.kind == "number"
            },
            width=frame["width"].to_numpy(np.int64),
            height=frame["height"].to_numpy(np.int64),
            bytes=frame["bytes"].to_numpy(np.int64),
            marks=marks,
        )

    @property
    def malignant(self) -> tuple[str, ...]:
        """Names of the malignant classes."""
        return self.marks.malignant

    def __len__(self) -> int:
        return len(self.paths)

    def text(self, name: str) -> TextColumn:
        """Return the column of a text, by the name that it has in the dataset file."""
        own = {"sample_id": self.id, "class_name": self.class_name, "split": self.split}
        return own[name] if name in own else self.texts[name]

    def number(self, name: str) -> npt.NDArray[np.number]:
        """Return the column of a number, (n,), by the name that it has in the dataset file."""
        own = {"width": self.width, "height": self.height, "bytes": self.bytes}
        return own[name] if name in own else self.numbers[name]

    def knows(self, name: str) -> bool:
        """Whether a fact is known of any sample."""
        if name in self.texts:
            return bool(self.texts[name].texts)
        return not bool(np.isnan(self.numbers[name]).all())

    @property
    def lesion(self) -> TextColumn:
        """The lesion ids."""
        return self.texts["lesion_id"]

    @property
    def age(self) -> npt.NDArray[np.float64]:
        """The ages, (n,) years, NaN where unknown."""
        return self.numbers["age"]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, sorted."""
        return self.class_name.texts

    @functools.cached_property
    def aspect(self) -> float:
        """Height of the usual image divided by its width, kept between 9:16 and 4:3."""
        if len(self) == 0:
            return 0.75
        return float(np.clip(np.median(self.height / np.maximum(self.width, 1)), 0.5625, 4 / 3))

    def short_ids_from(self) -> int:
        """Return how many first characters all ids share and need not be shown."""
        ids = self.id.texts
        if not ids or ids[0] == ids[-1]:
            return 0
        # They are sorted: what the first and the last share, all share.
        pairs = zip(ids[0], ids[-1], strict=False)
        shared = next((place for place, (one, other) in enumerate(pairs) if one != other), len(ids[0]))
        return max(0, min(shared, min(map(len, ids)) - _SHORTEST_ID))

    def order(self, key: SortKey, *, descending: bool = False) -> Rows:
        """Return all rows sorted; equal ones by id, those without a value last."""
        wanted = (key, descending)
        if wanted not in self._orders:
            self._orders[wanted] = np.argsort(self._ranks(key, descending=descending), kind="stable")
        return self._orders[wanted]

    def _ranks(self, key: SortKey, *, descending: bool) -> npt.NDArray[np.number]:
        if key is SortKey.AGE:
            return -self.age if descending else self.age
        if key is SortKey.SIZE:
            return -self.bytes if descending else self.bytes
        column = {
            SortKey.ID: self.id,
            SortKey.CLASS: self.class_name,
            SortKey.LESION: self.lesion,
            SortKey.SPLIT: self.split,
        }[key]
        codes = column.codes
        return np.where(codes < 0, _LAST, -codes if descending else codes)

    def rows(
        self,
        *,
        classes: Collection[str] = (),
        parts: Collection[str] = (),
        matching: Mask | None = None,
        key: SortKey = SortKey.ID,
        descending: bool = False,
    ) -> Rows:
        """Return the rows that are wanted, sorted.

        Args:
            classes: names; none stands for all.
            parts: of the split; none stands for all samples, with or without a part.
            matching: (n,) what a query found (see `skindesk.models.dataset.query`).
            key: what they are sorted by.
            descending: the largest first; those without a value come last either way.
        """
        order = self.order(key, descending=descending)
        wanted: Mask | None = matching
        if classes:
            chosen = self.class_name.among(classes)
            wanted = chosen if wanted is None else wanted & chosen
        if parts:
            chosen = self.split.among(parts)
            wanted = chosen if wanted is None else wanted & chosen
        return order if wanted is None else order[wanted[order]]

    def same_lesion(self, row: int) -> Rows:
        """Return the rows of the other images of a sample's lesion."""
        code = int(self.lesion.codes[row])
        if code < 0:
            return np.zeros(0, dtype=np.int64)
        alike = self.lesion.codes == code
        alike[row] = False
        return np.flatnonzero(alike)
