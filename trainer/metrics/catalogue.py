"""What each metric is called and says: declared once for terminal, window, pictures, PDF and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trainer import wording

if TYPE_CHECKING:
    from trainer.metrics.classification import Metrics
    from trainer.metrics.intervals import Interval

RECALL_OF = "recall_"
"""Before a class: the key of that class's recall in settings and intervals."""


def N_(text: str) -> str:  # noqa: N802 - the name that tools for translation look for
    """Mark a text that a window translates when it shows it, in the context `metrics`."""
    return text


class Metric(NamedTuple):
    """The name and meaning of a metric.

    Attributes:
        key: its name in JSON and settings: an attribute of `Metrics`, `ClassMetrics` or `PartMetrics`.
        title: what it is called in the middle of a sentence.
        hint: what it says, a sentence.
        share: whether it is shown in percent, with one decimal; other numbers have three.
    """

    key: str
    title: str
    hint: str
    share: bool = True

    @property
    def heading(self) -> str:
        """The title as it begins a line."""
        return heading(self.title)

    def figure(self, value: float | None) -> str:
        """Return a value with its unit: "75.3 %", "0.965"."""
        return wording.figure(value, share=self.share)

    def ends(self, interval: Interval | None) -> str:
        """Return the ends of an interval without a unit: "68.4–81.2"; empty where there is none."""
        return "" if interval is None else wording.ends(interval.low, interval.high, share=self.share)

    def interval(self, interval: Interval | None) -> str:
        """Return the ends of an interval with their unit, to stand alone: "68.4–81.2 %"."""
        return f"{self.ends(interval)}{wording.NO_BREAK}%" if interval and self.share else self.ends(interval)

    def with_interval(self, value: float | None, interval: Interval | None) -> str:
        """Return a value with its interval: "75.3 % (68.4–81.2)"."""
        ends = self.ends(interval)
        return f"{self.figure(value)} ({ends})" if ends and value is not None else self.figure(value)

    def value_in(self, metrics: Metrics) -> float | None:
        """Return its value over all classes."""
        value: float | None = getattr(metrics, self.key)
        return value

    def said_of(self, metrics: Metrics) -> str:
        """Return its value over all classes with its interval."""
        return self.with_interval(self.value_in(metrics), metrics.intervals.get(self.key))


BALANCED_ACCURACY = Metric(
    "balanced_accuracy",
    N_("balanced accuracy"),
    N_("Mean recall over all classes; each class counts equally."),
)
ACCURACY = Metric("accuracy", N_("accuracy"), N_("Share of images whose class is predicted correctly."))
MACRO_PRECISION = Metric(
    "macro_precision",
    N_("macro precision"),
    N_("Mean precision over all classes; each class counts equally."),
)
MACRO_F1 = Metric(
    "macro_f1", N_("macro F1"), N_("Mean F1 score over all classes; each class counts equally.")
)
WEIGHTED_F1 = Metric(
    "weighted_f1",
    N_("weighted F1"),
    N_("Mean F1 score over all classes, weighted by number of images."),
)
MACRO_ROC_AUC = Metric(
    "macro_roc_auc",
    N_("macro ROC AUC"),
    N_("Mean area under the ROC curve over all classes: 0.5 is chance, 1 is perfect."),
    share=False,
)
ECE = Metric(
    "ece",
    N_("calibration error (ECE)"),
    N_("Expected calibration error: mean gap between confidence and accuracy."),
)
LOG_LOSS = Metric(
    "log_loss",
    N_("log loss"),
    N_("Mean of -ln(probability of the true class); lower is better."),
    share=False,
)
LOSS = Metric("loss", N_("loss"), N_("What training minimizes; lower is better."), share=False)

RECALL = Metric(
    "recall", N_("recall"), N_("Share of the images of the class that are predicted correctly (sensitivity).")
)
PRECISION = Metric(
    "precision",
    N_("precision"),
    N_("Share of the images predicted as the class that belong to it (positive predictive value)."),
)
F1 = Metric("f1", N_("F1"), N_("Harmonic mean of recall and precision."))
ROC_AUC = Metric(
    "roc_auc", N_("ROC AUC"), N_("Area under the ROC curve of the class against all others."), share=False
)

LEADING = (BALANCED_ACCURACY, ACCURACY, MACRO_F1, MACRO_ROC_AUC, ECE, LOG_LOSS)
"""Over all classes, the most telling first: where there is little room."""

OVERALL = (
    BALANCED_ACCURACY,
    ACCURACY,
    MACRO_PRECISION,
    MACRO_F1,
    WEIGHTED_F1,
    MACRO_ROC_AUC,
    ECE,
    LOG_LOSS,
)
"""Over all classes, in full."""

OF_A_CLASS = (RECALL, PRECISION, F1, ROC_AUC)

OF_AN_EPOCH: dict[str, Metric] = {
    "macro_recall": BALANCED_ACCURACY,  # its key in events and settings; the two are one number
    "accuracy": ACCURACY,
    "loss": LOSS,
}
"""What is followed while training and can choose the best epoch, beside the recall of a class."""


def heading(title: str) -> str:
    """Return a title as it begins a line."""
    return title[:1].upper() + title[1:]


def chooser(key: str) -> Metric:
    """Return the metric behind the setting `early_stopping.metric`; for `recall_CLASS` it is the recall."""
    return RECALL if key.startswith(RECALL_OF) else OF_AN_EPOCH[key]
