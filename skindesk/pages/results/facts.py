"""What the results page says, as tables: figures with their intervals, settings in words, the split's counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QCoreApplication

from skindesk.models.runs.listing import NOTHING, percent
from skindesk.widgets.fact_table import Fact, Facts
from skindesk.widgets.theme import class_label
from trainer.dataset.certificate import PARTS
from trainer.dataset.known_pairs import SOURCE
from trainer.palette import class_colour

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from skindesk.models.runs.record import RunRecord
    from trainer.dataset.certificate import SplitCertificate
    from trainer.metrics.classification import Metrics
    from trainer.metrics.intervals import Interval


def _tr(text: str) -> str:
    return QCoreApplication.translate("ResultFacts", text)


class Measure(NamedTuple):
    """A figure over all classes.

    Attributes:
        key: name of the attribute of `Metrics`, and of its interval.
        title: a few words.
        hint: a sentence.
        share: whether it is shown in percent.
    """

    key: str
    title: str
    hint: str
    share: bool = True


def measures() -> tuple[Measure, ...]:
    """Return the figures over all classes, the leading one first."""
    return (
        Measure(
            "balanced_accuracy",
            _tr("Balanced accuracy"),
            _tr("Mean recall over the classes (macro recall): every class counts alike."),
        ),
        Measure("accuracy", _tr("Accuracy"), _tr("Share of images whose class is predicted rightly.")),
        Measure("macro_f1", _tr("Macro F1"), _tr("Mean over the classes of the F1 score.")),
        Measure(
            "macro_roc_auc",
            _tr("Macro ROC AUC"),
            _tr("Mean over the classes of the area under the ROC curve, from 0.5 (chance) to 1."),
            share=False,
        ),
        Measure(
            "ece",
            _tr("Calibration error"),
            _tr(
                "Expected calibration error: mean gap between the probability said and the share that is right."
            ),
        ),
        Measure("log_loss", _tr("Log loss"), _tr("Mean of -ln(probability of the true class)."), share=False),
    )


def with_interval(value: float | None, interval: Interval | None, *, share: bool = True) -> str:
    """Return a figure with its 95 % interval in brackets."""
    if value is None:
        return NOTHING
    return f"{figure(value, share=share)} {ends(interval, share=share)}".rstrip()


def figure(value: float | None, *, share: bool = True) -> str:
    """Return a figure alone."""
    if value is None:
        return NOTHING
    return percent(value) if share else f"{value:.3f}"


def ends(interval: Interval | None, *, share: bool = True) -> str:
    """Return the ends of an interval in brackets; empty where there is none."""
    if interval is None:
        return ""
    if share:
        return f"({100 * interval.low:.1f}–{100 * interval.high:.1f})"
    return f"({interval.low:.3f}–{interval.high:.3f})"


def value_of(metrics: Metrics, measure: Measure) -> float | None:
    """Return a figure over all classes."""
    value: float | None = getattr(metrics, measure.key)
    return value


def measured(metrics: Metrics, measure: Measure) -> str:
    """Return a figure over all classes with its interval."""
    return with_interval(value_of(metrics, measure), metrics.intervals.get(measure.key), share=measure.share)


def images_and_groups(images: int, groups: int) -> str:
    """Return how many images a figure rests on, and in how many groups they are, where that differs."""
    if images == groups:
        return f"{images:,}"
    return _tr("{images} in {groups} groups").format(images=f"{images:,}", groups=f"{groups:,}")


def class_facts(metrics: Metrics, malignant: Collection[str]) -> Facts:
    """Return the figures of each class, malignant ones marked."""
    rows = [
        Fact(
            class_label(name, malignant),
            (
                images_and_groups(row.support, row.groups),
                with_interval(row.recall, row.recall_interval),
                with_interval(row.precision, row.precision_interval),
                with_interval(row.f1, row.f1_interval),
                with_interval(row.roc_auc, row.roc_auc_interval, share=False),
            ),
            hint=_tr("malignant") if name in malignant else "",
            colour=class_colour(name, metrics.classes),
        )
        for name, row in metrics.per_class.items()
    ]
    return Facts(
        (_tr("Class"), _tr("Images"), _tr("Recall"), _tr("Precision"), _tr("F1"), _tr("ROC AUC")),
        tuple(rows),
        hints=(
            _tr("▲ stands before malignant classes"),
            _tr("Images of the class"),
            _tr("Share of the class's images that are predicted as it (sensitivity), 95 % interval"),
            _tr("Share of the images predicted as the class that are of it, 95 % interval"),
            _tr("Harmonic mean of recall and precision, 95 % interval"),
            _tr("Area under the ROC curve of the class against all others, 95 % interval"),
        ),
    )


def epoch_facts(record: RunRecord, malignant: Collection[str]) -> Facts:
    """Return the recall of each class at the best epoch, which is known before anything is scored."""
    best = next((epoch for epoch in reversed(record.history) if epoch.best), None)
    validation = best.validation if best is not None else None
    if validation is None and record.manifest is not None:
        validation = record.manifest.metrics.validation
    if validation is None:
        return Facts()
    classes = record.classes
    rows = [
        Fact(
            class_label(name, malignant),
            (percent(validation.recall.get(name)),),
            hint=_tr("malignant") if name in malignant else "",
            colour=class_colour(name, classes),
        )
        for name in classes
    ]
    return Facts((_tr("Class"), _tr("Recall at the best epoch")), tuple(rows))


def certificate_facts(certificate: SplitCertificate, malignant: Collection[str]) -> Facts:
    """Return how many images of each class are in each part."""
    classes = sorted({name for part in PARTS for name in certificate.classes.get(part, {})})
    rows = [
        Fact(
            class_label(name, malignant),
            tuple(f"{certificate.classes.get(part, {}).get(name, 0):,}" for part in PARTS),
            colour=class_colour(name, classes),
        )
        for name in classes
    ]
    for title, counts in (
        (_tr("Images"), certificate.images),
        (_tr("Groups"), certificate.groups),
        (_tr("Lesions"), certificate.lesions),
    ):
        rows.append(Fact(title, tuple(f"{counts.get(part, 0):,}" for part in PARTS), strong=True))
    return Facts((_tr("Class"), _tr("Training"), _tr("Validation"), _tr("Test")), tuple(rows))


def leaks(certificate: SplitCertificate) -> str:
    """Return a sentence on whether anything lies in two parts of a split."""
    if certificate.sound:
        sentence = _tr("No group, lesion, patient or file lies in two parts.")
        if certificate.known_pairs_joined:
            sentence += " " + _tr(
                "Pairs of images known to show one lesion under two ids ({source}) that were joined: {n}."
            ).format(source=SOURCE, n=certificate.known_pairs_joined)
        return sentence
    counts = (
        (certificate.groups_in_two_parts, _tr("groups")),
        (certificate.lesions_in_two_parts, _tr("lesions")),
        (certificate.patients_in_two_parts, _tr("patients")),
        (certificate.files_in_two_parts, _tr("files")),
        (certificate.known_pairs_in_two_parts, _tr("known pairs of one lesion")),
    )
    found = ", ".join(f"{count:,} {noun}" for count, noun in counts if count)
    return _tr("In two parts at once: {found}. Figures of this split are too good to be true.").format(
        found=found
    )


def comparison_facts(records: Sequence[RunRecord]) -> Facts:
    """Return the figures of runs side by side, then the settings in which they differ."""
    from skindesk.pages.results.settings_words import settings_rows

    rows = [Fact(_tr("Validation, best epoch"), section=True), *_epoch_rows(records)]
    for part, title in (("validation", _tr("Validation part, scored")), ("test", _tr("Test part"))):
        rows += _report_rows(records, part, title)
    settings = [settings_rows(record.config) for record in records]
    titles = list(dict.fromkeys(title for found in settings for title in found))
    different = [
        Fact(title, tuple(found.get(title, NOTHING) for found in settings))
        for title in titles
        if len({found.get(title, NOTHING) for found in settings}) > 1
    ]
    rows.append(Fact(_tr("Settings that differ"), section=True))
    rows += different or [Fact(_tr("None"))]
    return Facts((_tr("Figure"), *(record.summary.name for record in records)), tuple(rows), numbers=False)


def _epoch_rows(records: Sequence[RunRecord]) -> list[Fact]:
    summaries = [record.summary for record in records]
    return [
        Fact(_tr("Macro recall"), tuple(percent(run.best_macro_recall) for run in summaries)),
        Fact(_tr("Accuracy"), tuple(percent(run.best_accuracy) for run in summaries)),
        Fact(
            _tr("Images that chose it"),
            tuple(NOTHING if run.best_n is None else f"n = {run.best_n:,}" for run in summaries),
        ),
        Fact(
            _tr("Best epoch"),
            tuple(
                _tr("{best} of {done}").format(best=run.best_epoch, done=run.epochs)
                if run.best_epoch
                else NOTHING
                for run in summaries
            ),
        ),
    ]


def _report_rows(records: Sequence[RunRecord], part: str, title: str) -> list[Fact]:
    found = [record.summary.report(part) for record in records]
    metrics = [report.metrics if report is not None else None for report in found]
    scored = [entry for entry in metrics if entry is not None]
    if not scored:
        return []
    not_scored = _tr("not scored")
    rows = [Fact(title, section=True)]
    rows.append(
        Fact(
            _tr("Images"),
            tuple(f"n = {entry.n:,}" if entry is not None else not_scored for entry in metrics),
        )
    )
    rows += [
        Fact(
            measure.title,
            tuple(measured(entry, measure) if entry is not None else NOTHING for entry in metrics),
            hint=measure.hint,
        )
        for measure in measures()
    ]
    malignant = {name for record in records for name in record.malignant}
    for name in dict.fromkeys(name for entry in scored for name in entry.classes):
        per_class = [entry.per_class.get(name) if entry is not None else None for entry in metrics]
        rows.append(
            Fact(
                _tr("Recall, {class_name}").format(class_name=class_label(name, malignant)),
                tuple(
                    f"{with_interval(row.recall, row.recall_interval)}, n = {row.support:,}"
                    if row is not None
                    else NOTHING
                    for row in per_class
                ),
            )
        )
    return rows
