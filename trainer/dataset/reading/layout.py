"""What a layout is: a way in which images, their classes and their facts lie in a folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.dataset.reading.identities import settle_ids
from trainer.dataset.reading.source.listing import Found, Listing, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.dataset.reading.source.scanning import Tree


@dataclass(frozen=True, kw_only=True)
class Layout(ABC):
    """A layout.

    Attributes:
        name: that it is chosen by, and that the dataset file and JSON give.
        title: in words, in English.
        aliases: other names it may be chosen by; older dataset files may hold them.
        short_names: it has short names for the known classes (see `trainer.dataset.classes.names`).
    """

    name: str
    title: str
    aliases: tuple[str, ...] = ()
    short_names: bool = False

    @abstractmethod
    def recognises(self, tree: Tree) -> bool:
        """Return whether a folder looks like this layout."""

    @abstractmethod
    def read(self, tree: Tree) -> Listing:
        """List the samples of a folder.

        Raises:
            DatasetError: it does not have this layout.
        """

    def listing(
        self,
        tree: Tree,
        samples: list[Found],
        problems: list[Problem],
        notes: list[str],
        passed_over: Mapping[str, int],
    ) -> Listing:
        """Return what was found in a folder."""
        samples, said = settle_ids(samples)
        notes += said
        if samples and not any(sample.grouped for sample in samples):
            notes.append(
                "No lesion or patient ids are known: two images of one lesion may end up in different parts of a split."
            )
        return Listing(
            layout=self.name,
            root=tree.root.resolve(),
            samples=samples,
            problems=problems,
            notes=tuple(notes),
            passed_over=dict(passed_over),
            columns=tree.columns,
        )
