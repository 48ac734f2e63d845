"""Metrics in the language of the program: the titles and sentences of `trainer.metrics.catalogue`, translated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from trainer.dataset.classes.names import full_name
from trainer.metrics.catalogue import RECALL_OF, chooser, heading

if TYPE_CHECKING:
    from trainer.metrics.catalogue import Metric


def _tr(text: str) -> str:
    return QCoreApplication.translate("metrics", text)


def name_of(metric: Metric) -> str:
    """Return what a metric is called in the middle of a sentence: "balanced accuracy"."""
    return _tr(metric.title)


def title_of(metric: Metric) -> str:
    """Return what a metric is called at the beginning of a line: "Balanced accuracy"."""
    return heading(name_of(metric))


def hint_of(metric: Metric) -> str:
    """Return what a metric says, a sentence."""
    return _tr(metric.hint)


def chooser_name(key: str) -> str:
    """Return what the metric is called that chooses the best epoch.

    Args:
        key: of the setting `early_stopping.metric`: `macro_recall`, `accuracy`, `loss` or `recall_CLASS`.
    """
    if key.startswith(RECALL_OF):
        return _tr("recall of {class_name}").format(class_name=full_name(key.removeprefix(RECALL_OF)))
    return name_of(chooser(key))
