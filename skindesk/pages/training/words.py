"""What the training page says of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from skindesk.metric_words import chooser_name
from skindesk.models.runs.live import metric_of
from trainer.backbones import get_backbone
from trainer.metrics.catalogue import RECALL_OF, chooser
from trainer.wording import file_size, n_of

if TYPE_CHECKING:
    from skindesk.models.runs.live import EpochPoint, LiveRun
    from skindesk.models.runs.unfinished import UnfinishedRun
    from skindesk.models.runs.weights_state import WeightsState
    from trainer.config import RunConfig, StageName


def _tr(text: str) -> str:
    return QCoreApplication.translate("TrainingPage", text)


def preset_words(preset: str) -> str:
    """Return what a preset is called; settings of no preset are a person's own."""
    words = {"quick": _tr("Quick look"), "balanced": _tr("Balanced"), "thorough": _tr("Thorough")}
    return words.get(preset, _tr("Own settings"))


def run_title(config: RunConfig, preset: str) -> str:
    """Return a name for a run: "Xception, balanced"."""
    return _tr("{backbone}, {preset}").format(
        backbone=get_backbone(config.backbone).title, preset=preset_words(preset).lower()
    )


def stage_words(stage: StageName) -> str:
    """Return what a stage is called."""
    return _tr("Head") if stage == "head" else _tr("Fine-tune")


def unfinished_words(run: UnfinishedRun) -> str:
    """Return how far a run has come, in a sentence."""
    from trainer.runs.summary import RunStatus

    how = {
        RunStatus.STOPPED: _tr("{title} was stopped"),
        RunStatus.FAILED: _tr("{title} failed"),
    }.get(run.status, _tr("{title} was interrupted"))
    if run.history:
        how += _tr(" after epoch {done} of {planned}.")
    else:
        how += _tr(" before the end of its first epoch.")
    return how.format(title=run.name, done=len(run.history), planned=run.planned_epochs)


def weights_words(state: WeightsState) -> tuple[str, str]:
    """Return where a backbone's weights are: a few words, and a sentence."""
    if state.path is not None:
        return _tr("Weights available"), _tr("ImageNet weights are on this machine: {path}").format(
            path=state.path
        )
    size = file_size(state.download_bytes)
    if state.can_fetch:
        return (
            _tr("{size} download").format(size=size),
            _tr("ImageNet weights will be downloaded (about {size}) and kept.").format(size=size),
        )
    return (
        _tr("Weights not available"),
        _tr(
            "ImageNet weights are not on this machine and there is no internet connection: choose a weights file, "
            "or start from random weights."
        ),
    )


def best_in_words(best: EpochPoint, metric: str) -> tuple[str, str]:
    """Return the best value of a figure, and on how many images it was measured: "76.2 %", "n = 1,049"."""
    part = best.ended.validation
    n = part.support.get(metric.removeprefix(RECALL_OF), sum(part.support.values()))
    return chooser(metric).figure(metric_of(part, metric)), n_of(n) if n else ""


def chosen_on_words() -> str:
    """Return what the validation figures of an epoch are measured on."""
    return _tr("the validation images that choose the best epoch, one view of each, before calibration")


def done_words(run: LiveRun) -> str:
    """Return what is said of a run that has left a bundle."""
    if run.best is None:
        return _tr("{run} is trained.").format(run=run.title)
    metric = run.config.early_stopping.metric
    value, n = best_in_words(run.best, metric)
    return _tr("{run} is trained: {metric} {value} on {basis}{n}.").format(
        run=run.title,
        metric=chooser_name(metric),
        value=value,
        basis=chosen_on_words(),
        n=f" ({n})" if n else "",
    )
