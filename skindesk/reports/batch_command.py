"""The command `skindesk batch`: the images of a folder predicted and written as tables, without a window."""

from __future__ import annotations

import functools
from pathlib import Path  # noqa: TC003 - typer reads the annotations when the program runs
from typing import Annotated

import typer

from skindesk.engine.ask import ask_once
from skindesk.reports.calling import call, new_app
from trainer import RESEARCH_ONLY
from trainer.commands.running import exit_status
from trainer.commands.terminal import show, terminal_listener
from trainer.protocol.scoring import PredictFolder

_NAME = "skindesk batch"

app = new_app()


def run(arguments: list[str]) -> int:
    """Run `skindesk batch BUNDLE FOLDER --out DIR`.

    Args:
        arguments: what follows the word `batch`.

    Returns:
        The exit status: 0 done; 2 wrong arguments or bad input, with a sentence on stderr; 3 stopped by Ctrl+C;
        1 a defect.
    """
    stopped = "Stopped. The predictions so far are kept; run the same command again to resume."
    return exit_status(functools.partial(call, app, _NAME, arguments), stopped=stopped)


@app.command(
    help="Predict the images of a folder and write predictions.csv, predictions.json and predictions.xlsx. Run a "
    f"stopped command again to resume it. {RESEARCH_ONLY}"
)
def batch(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Folder of the network: the folder `bundle` of a run.")
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder of the images, searched with its subfolders.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the tables, outside the folder of the images.")
    ],
) -> None:
    """Predict the images and write the tables."""
    from trainer.runs.bundle import read_manifest

    read_manifest(bundle)  # a wrong one is said before the engine starts, which takes seconds
    job = PredictFolder(bundle=str(bundle.absolute()), folder=str(folder.absolute()), out=str(out.absolute()))
    answer = ask_once(job, terminal_listener(), on_gpu=True)
    show(f"{out}: {answer.text}.\n{RESEARCH_ONLY}")
