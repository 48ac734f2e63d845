"""The command `skindesk report`: images predicted and written as a PDF, without a window."""

from __future__ import annotations

import functools
import inspect
import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotations when the program runs
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skindesk.engine.ask import ask_once
from skindesk.models.diagnosis.patient import PATIENT_ENTRIES, PatientFields
from skindesk.reports.calling import call, new_app, say
from trainer import RESEARCH_ONLY
from trainer.commands.running import exit_status
from trainer.errors import ConfigError, ImageError
from trainer.images.framing import ImageView
from trainer.protocol.diagnosis import PredictImages
from trainer.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from skindesk.reports.orders import Letterhead
    from trainer.predictions import Prediction

_NAME = "skindesk report"

app = new_app()


def run(arguments: list[str]) -> int:
    """Run `skindesk report BUNDLE IMAGE... --out FILE.pdf`.

    Args:
        arguments: what follows the word `report`.

    Returns:
        The exit status: 0 done; 2 wrong arguments or bad input, with a sentence on stderr; 3 stopped by Ctrl+C;
        1 a defect.
    """
    return exit_status(
        functools.partial(call, app, _NAME, arguments), stopped="Stopped; no report was written."
    )


def _with_patient_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each declared field of a patient; it gets them as `patient`."""
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "patient"]
    options = [
        inspect.Parameter(
            f"patient_{name}",
            inspect.Parameter.KEYWORD_ONLY,
            default="",
            annotation=Annotated[str, typer.Option(entry.option, metavar="TEXT", help=entry.help)],
        )
        for name, entry in PATIENT_ENTRIES.items()
    ]

    @functools.wraps(command)
    def asked(**values: object) -> None:
        patient = {name: str(values.pop(f"patient_{name}")) for name in PATIENT_ENTRIES}
        command(**values, patient=PatientFields(**patient))

    parameters = [*own, *options]
    asked.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined] # read by Typer
    asked.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return asked


@app.command(help=f"Predict images with a bundle and write a PDF report. {RESEARCH_ONLY}")
@_with_patient_options
def report(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Folder of the network: the folder `bundle` of a run.")
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Image files.")],
    out: Annotated[
        Path, typer.Option(metavar="FILE.pdf", help="PDF file to write; with --separate, a folder.")
    ],
    paper: Annotated[Literal["A4", "Letter"], typer.Option(help="Paper size.")] = "A4",
    together: Annotated[
        bool, typer.Option("--together", help="The images show one lesion; add one combined result.")
    ] = False,
    separate: Annotated[
        bool, typer.Option("--separate", help="Write a report for each image, into the folder --out.")
    ] = False,
    heading: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A line at the top. Default: as set in the window.")
    ] = None,
    logo: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="PNG, JPEG or SVG at the top. Default: as set in the window."),
    ] = None,
    *,
    patient: PatientFields,
) -> None:
    """Predict images and write the report."""
    from skindesk.reports.orders import SIMILAR_SHOWN, AskedImage, DiagnosisOrder
    from skindesk.reports.writing import write
    from trainer.runs.bundle import read_manifest

    if out.is_dir() and not separate:
        raise ConfigError(f"{out} is a folder; give --out a file name.")
    if separate and out.is_file():
        raise ConfigError(f"{out} is a file; with --separate, give --out a folder.")
    if separate and together:
        raise ConfigError("--together needs all images in one report; leave out --together or --separate.")
    read_manifest(bundle)  # a wrong one is said before the engine starts, which takes seconds
    folder = str(bundle.absolute())
    views = tuple(ImageView(path=str(path)) for path in images)
    job = PredictImages(bundle=folder, images=views, together=together, evidence=True, similar=SIMILAR_SHOWN)
    answer = ask_once(job)
    _check_any(answer.images)
    order = DiagnosisOrder(
        bundle=folder,
        bundle_hash=answer.bundle_hash,
        images=tuple(
            AskedImage(view, said, evidence=evidence, similar=similar)
            for view, said, evidence, similar in zip(
                views, answer.images, answer.evidence, answer.similar, strict=True
            )
        ),
        together=answer.together,
        patient=patient,
        file=str(out),
        paper=paper,
        letterhead=_letterhead(heading, logo),
        separate=separate,
    )
    written = write(order)
    for prediction in answer.images:
        if prediction.error:
            say(prediction.error)
    for note in written.notes:
        say(note)
    pages = counted(sum(written.pages), "page", "pages")
    files = f"{counted(len(written.pages), 'report', 'reports')}, " if separate else ""
    sys.stdout.write(f"{out} ({files}{pages})\n")


def _letterhead(heading: str | None, logo: Path | None) -> Letterhead:
    """Return what was asked for; the rest is as in the window's settings."""
    from skindesk.paths import Paths
    from skindesk.reports.orders import Letterhead, letterhead_of
    from skindesk.settings import Settings

    kept = letterhead_of(Settings(Paths.standard().settings_file))
    return Letterhead(kept.heading if heading is None else heading, kept.logo if logo is None else str(logo))


def _check_any(predictions: Sequence[Prediction]) -> None:
    """Refuse to write a report on nothing."""
    unread = [prediction.error for prediction in predictions if prediction.error]
    if len(unread) < len(predictions):
        return
    if len(unread) == 1:
        raise ImageError(unread[0])
    raise ImageError(f"None of the {len(unread)} images can be read; the first: {unread[0]}")
