"""The command `ensemble`: several networks combined into one bundle."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import msgspec
import typer

from trainer import RESEARCH_ONLY
from trainer.commands.terminal import show, terminal_listener
from trainer.events import Warned
from trainer.wording import counted, plain

NO_REFERENCE = (
    "Not every network knows the images it learned from, so the ensemble does not either; complete it with: trainer "
    "complete {bundle} DATASET.db"
)


class Combined(msgspec.Struct, frozen=True, kw_only=True):
    """What `ensemble --json` prints.

    Attributes:
        bundle: folder of the ensemble.
        bundle_hash: twelve digits of it.
        members: hashes of the members' manifests, 64 hexadecimal digits each.
        set_aside: validation images that were set aside for every member, on which thresholds and sets rest; `None`
            where a member does not know its images.
    """

    bundle: str
    bundle_hash: str
    members: tuple[str, ...]
    set_aside: int | None


def ensemble(
    bundles: Annotated[
        list[Path],
        typer.Argument(
            metavar="BUNDLE", help="The folders `bundle` of two runs or more, on one dataset and split."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The bundle to make.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Combine networks into one bundle. Its probabilities are the mean of theirs; it is used like any bundle."""
    from trainer.files import printable
    from trainer.reference.combining import make_ensemble
    from trainer.runs.bundle import bundle_hash, read_manifest

    reference = make_ensemble(bundles, out)
    if reference is None:
        terminal_listener()(Warned(message=NO_REFERENCE.format(bundle=printable(out))))
    combined = Combined(
        bundle=printable(out),
        bundle_hash=bundle_hash(out),
        members=read_manifest(out).members,
        set_aside=None if reference is None else int(reference.validation.aside.sum()),
    )
    if as_json:
        show(msgspec.json.format(msgspec.json.encode(combined), indent=2).decode())
    else:
        show(plain(_text(combined)))


def _text(combined: Combined) -> str:
    lines = [f"{combined.bundle}: {len(combined.members)} networks combined (bundle {combined.bundle_hash})."]
    if combined.set_aside is not None:
        images = counted(combined.set_aside, "validation image was", "validation images were")
        lines.append(f"{images} set aside by every network; thresholds and prediction sets rest on these.")
    return "\n".join([*lines, RESEARCH_ONLY])
