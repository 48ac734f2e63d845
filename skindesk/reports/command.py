"""The command `skindesk report`: images asked about and written as a PDF, without a window."""

from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from skindesk.engine.ask import EngineDefectError, ask_once
from skindesk.models.diagnosis.patient import PATIENT_ENTRIES, PatientFields
from trainer import RESEARCH_ONLY
from trainer.errors import (
    EXIT_BAD_INPUT,
    EXIT_DEFECT,
    EXIT_STOPPED,
    ConfigError,
    ImageError,
    StoppedError,
    TrainerError,
)
from trainer.protocol.jobs import ImageView, PredictImages, Predictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.protocol.jobs import ImagePrediction

_DESCRIPTION = f"Ask a bundle about images and write a PDF report. {RESEARCH_ONLY}"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one sentence."""
        raise ConfigError(f"{message[:1].upper()}{message[1:]}; see `skindesk report --help`.")


def run(arguments: list[str]) -> int:
    """Run `skindesk report BUNDLE IMAGE... --out FILE.pdf`.

    Args:
        arguments: what follows the word `report`.

    Returns:
        The exit status: 0 done; 2 wrong arguments or bad input, with a sentence on stderr; 3 stopped by Ctrl+C;
        1 a defect.
    """
    try:
        return _report(_parser().parse_args(arguments))
    except SystemExit as leaving:  # after --help
        return int(leaving.code or 0)
    except (StoppedError, KeyboardInterrupt) as error:
        _say(str(error) or "Stopped; no report was written.")
        return EXIT_STOPPED
    except TrainerError as error:
        _say(f"Error: {error}")
        return EXIT_BAD_INPUT
    except EngineDefectError as error:
        _say(str(error))
        return EXIT_DEFECT
    except Exception:  # noqa: BLE001 - the last line of defence says whose fault it is
        traceback.print_exc()
        _say("This is a defect of SkinDesk, not of your data; please report the lines above.")
        return EXIT_DEFECT


def _parser() -> _Parser:
    parser = _Parser(prog="skindesk report", description=_DESCRIPTION, allow_abbrev=False)
    parser.add_argument("bundle", metavar="BUNDLE", type=Path, help="folder of a bundle, as a run leaves it")
    parser.add_argument("images", metavar="IMAGE", type=Path, nargs="+", help="image files")
    parser.add_argument("--out", metavar="FILE.pdf", type=Path, required=True, help="the report")
    parser.add_argument("--paper", choices=("A4", "Letter"), default="A4", help="A4 unless said otherwise")
    parser.add_argument("--together", action="store_true", help="the images show one lesion")
    patient = parser.add_argument_group("patient, all optional")
    for name, entry in PATIENT_ENTRIES.items():
        patient.add_argument(entry.option, dest=name, default="", metavar="TEXT", help=entry.help)
    return parser


def _report(wanted: argparse.Namespace) -> int:
    from skindesk.reports.orders import AskedImage, DiagnosisOrder  # noqa: PLC0415 - not for --help
    from skindesk.reports.writing import write  # noqa: PLC0415 - the same
    from trainer.runs.bundle import read_manifest  # noqa: PLC0415 - the same

    if wanted.out.is_dir():
        raise ConfigError(f"{wanted.out} is a folder; name a file in it with --out.")
    read_manifest(wanted.bundle)  # a wrong one is said before the engine starts, which takes seconds
    bundle = str(wanted.bundle.absolute())
    views = tuple(ImageView(path=str(path)) for path in wanted.images)
    answer = ask_once(PredictImages(bundle=bundle, images=views, together=wanted.together))
    assert isinstance(answer, Predictions)
    _check_any(answer.images)
    pages = write(
        DiagnosisOrder(
            bundle=bundle,
            images=tuple(map(AskedImage, views, answer.images)),
            together=answer.together,
            patient=_patient(wanted),
            file=str(wanted.out),
            paper=wanted.paper,
        )
    )
    for prediction in answer.images:
        if prediction.error:
            _say(prediction.error)
    sys.stdout.write(f"{wanted.out} ({pages} {'page' if pages == 1 else 'pages'})\n")
    return 0


def _check_any(predictions: Sequence[ImagePrediction]) -> None:
    """Refuse to write a report on nothing."""
    unread = [prediction.error for prediction in predictions if prediction.error]
    if len(unread) < len(predictions):
        return
    if len(unread) == 1:
        raise ImageError(unread[0])
    raise ImageError(f"None of the {len(unread)} images can be read; first: {unread[0]}")


def _patient(wanted: argparse.Namespace) -> PatientFields:
    return PatientFields(**{name: getattr(wanted, name) for name in PATIENT_ENTRIES})


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
