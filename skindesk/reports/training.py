"""What a report of a run says: plain values, gathered from the run's folder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from skindesk.reports.content import report_model
from skindesk.reports.words import tr
from trainer import __version__
from trainer.errors import ConfigError, TrainerError
from trainer.events import Said, StageEnded, Warned
from trainer.runs.folder import RunFolder
from trainer.runs.reading import read_history, read_run
from trainer.runs.reports import PredictionTable, read_predictions
from trainer.runs.summary import RunStatus
from trainer.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from skindesk.reports.content import ReportModel
    from trainer.config import RunConfig
    from trainer.dataset.groups.certificate import SplitCertificate
    from trainer.events import AnyEvent, EpochEnded
    from trainer.metrics.classification import Metrics
    from trainer.runs.summary import RunSummary


@dataclass(frozen=True)
class TrainingReport:
    """A run, and how good its network is.

    Attributes:
        run: what a list says of it.
        status: how it stands, a phrase.
        config: its settings.
        history: every epoch that is done.
        split: certificate of the split it was trained on, if known.
        model: the network, if there is a bundle.
        test: metrics of the test part, if it was scored.
        scores: the predictions behind them, if they can be read.
        device: where it was trained, a sentence; empty where not known.
        seconds: all epochs took.
        remarks: sentences that were said in warning, and what could not be read.
        versions: of the programs it was trained with, by name.
        created: date and time of the report.
        program_version: of the SkinDesk that writes it.
    """

    run: RunSummary
    status: str
    config: RunConfig
    history: tuple[EpochEnded, ...]
    split: SplitCertificate | None
    model: ReportModel | None
    test: Metrics | None
    scores: PredictionTable | None
    device: str
    seconds: float
    remarks: tuple[str, ...]
    versions: dict[str, str]
    created: datetime
    program_version: str


def training_report(run_folder: Path) -> TrainingReport:
    """Gather the report of a run, finished or not; what cannot be read is left out and said.

    Raises:
        ConfigError: there is no run in the folder, or its settings cannot be read.
        BundleError: its bundle is damaged.
    """
    folder = RunFolder(run_folder)
    run = read_run(run_folder)
    model, manifest = None, None
    if run.bundle is not None:
        from trainer.runs.bundle import read_manifest

        model, manifest = report_model(run.bundle, name=run.name), read_manifest(run.bundle)
        if manifest.members:
            raise ConfigError(
                tr(
                    "{0} is an ensemble, which was not trained itself; choose the run of one of its networks."
                ).format(run_folder)
            )
    if manifest is not None and not folder.begun:
        config = manifest.config
    elif folder.begun:
        config = folder.config()
    else:
        raise ConfigError(tr("{0} holds no run; choose the folder of one.").format(run_folder))
    events = [event for _, event in folder.kept_events()]
    report = run.report("test")
    remarks = [event.message for event in events if isinstance(event, Warned)]
    if run.problem:
        remarks.append(run.problem)
    scores = None
    if report is not None:
        try:
            scores = read_predictions(report.folder)
        except TrainerError as error:
            remarks.append(str(error))
    history = _history(run_folder)
    return TrainingReport(
        run=run,
        status=_status(run, events),
        config=config,
        history=history,
        split=manifest.split if manifest is not None else _certificate(folder),
        model=model,
        test=report.metrics if report is not None else None,
        scores=scores,
        device=_device(events),
        seconds=sum(epoch.seconds for epoch in history),
        remarks=tuple(dict.fromkeys(remarks)),
        versions=manifest.versions if manifest is not None else {},
        created=datetime.now().astimezone(),
        program_version=__version__,
    )


def _device(events: list[AnyEvent]) -> str:
    """Return the sentence on the device of the last start."""
    said = [event.message for event in events if isinstance(event, Said)]
    return next((sentence for sentence in reversed(said) if sentence.startswith("Training on ")), "")


def _history(folder: Path) -> tuple[EpochEnded, ...]:
    try:
        return tuple(read_history(folder))
    except TrainerError:  # `read_run` has said so
        return ()


def _certificate(folder: RunFolder) -> SplitCertificate | None:
    try:
        return folder.certificate()
    except TrainerError:
        return None


def _status(run: RunSummary, events: list[AnyEvent]) -> str:
    words = {
        RunStatus.RUNNING: tr("still training"),
        RunStatus.STOPPED: tr("stopped on request"),
        RunStatus.INTERRUPTED: tr("interrupted"),
        RunStatus.DONE: tr("finished"),
        RunStatus.FAILED: tr("failed"),
        RunStatus.UNREADABLE: tr("cannot be read"),
    }[run.state]
    if not run.epochs:
        return tr("{0} before the end of the first epoch").format(words)
    done = counted(run.epochs, tr("epoch"), tr("epochs"))
    reasons = [event for event in events if isinstance(event, StageEnded)]
    ends = "; ".join(f"{event.stage}: {event.reason}" for event in reasons)
    sentence = tr("{0} after {1}").format(words, done)
    return f"{sentence} ({ends})" if ends else sentence
