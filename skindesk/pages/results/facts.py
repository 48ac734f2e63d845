"""What the results page says, as tables: metrics with their intervals, settings in words, the split's counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from skindesk.metric_words import hint_of, title_of
from skindesk.widgets.fact_table import Fact, Facts
from skindesk.widgets.theme import class_label
from trainer.dataset.groups.certificate import PARTS
from trainer.dataset.groups.known_pairs import SOURCE
from trainer.metrics.catalogue import (
    ACCURACY,
    BALANCED_ACCURACY,
    F1,
    LEADING,
    OF_A_CLASS,
    PRECISION,
    RECALL,
    ROC_AUC,
)
from trainer.palette import class_colour
from trainer.wording import NOTHING, n_of, percent

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from skindesk.models.runs.record import RunRecord
    from trainer.dataset.groups.certificate import SplitCertificate
    from trainer.metrics.classification import Metrics
    from trainer.runs.summary import Report


def _tr(text: str) -> str:
    return QCoreApplication.translate("ResultFacts", text)


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
                RECALL.with_interval(row.recall, row.recall_interval),
                PRECISION.with_interval(row.precision, row.precision_interval),
                F1.with_interval(row.f1, row.f1_interval),
                ROC_AUC.with_interval(row.roc_auc, row.roc_auc_interval),
            ),
            hint=_tr("malignant") if name in malignant else "",
            colour=class_colour(name, metrics.classes),
        )
        for name, row in metrics.per_class.items()
    ]
    return Facts(
        (_tr("Class"), _tr("Images"), *(title_of(metric) for metric in OF_A_CLASS)),
        tuple(rows),
        hints=(
            _tr("▲ marks malignant classes"),
            _tr("Images of the class"),
            *(
                _tr("{hint} In brackets: 95 % interval.").format(hint=hint_of(metric))
                for metric in OF_A_CLASS
            ),
        ),
    )


def epoch_facts(record: RunRecord, malignant: Collection[str]) -> Facts:
    """Return the recall of each class at the best epoch, which is known before anything is scored."""
    best = next((epoch for epoch in reversed(record.history) if epoch.best), None)
    validation = best.validation if best is not None else None
    if validation is None and record.manifest is not None and not record.manifest.members:
        validation = record.manifest.metrics.validation
    if validation is None:
        return Facts()
    classes, support = record.classes, validation.support
    rows = [
        Fact(
            class_label(name, malignant),
            (
                *([f"{support.get(name, 0):,}"] if support else []),
                percent(validation.recall.get(name)),
            ),
            hint=_tr("malignant") if name in malignant else "",
            colour=class_colour(name, classes),
        )
        for name in classes
    ]
    counts = [_tr("Images")] if support else []
    return Facts((_tr("Class"), *counts, _tr("Recall at the best epoch")), tuple(rows))


def basis_of(record: RunRecord, report: Report) -> str:
    """Say on which images a scoring's figures rest, and how these were looked at."""
    metrics, manifest = report.metrics, record.manifest
    part = {"test": _tr("Whole test part"), "validation": _tr("Whole validation part")}.get(report.part, "")
    words = [part, n_of(metrics.n)]
    if metrics.groups != metrics.n:
        words.append(_tr("{groups} groups").format(groups=f"{metrics.groups:,}"))
    if manifest is not None and manifest.members:
        words.append(_tr("mean of {n} networks").format(n=len(manifest.members)))
    elif manifest is not None:
        views = manifest.config.test_views
        words.append(_tr("one view") if views == 1 else _tr("mean of {n} views").format(n=views))
        words.append(_tr("calibrated") if manifest.calibration.fitted else _tr("not calibrated"))
    return ", ".join(word for word in words if word)


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

    rows = [
        Fact(_tr("Best epoch: validation images that chose it, one view, before calibration"), section=True),
        *_epoch_rows(records),
    ]
    for part, title in (("validation", _tr("Whole validation part")), ("test", _tr("Whole test part"))):
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
        Fact(title_of(BALANCED_ACCURACY), tuple(percent(run.best_macro_recall) for run in summaries)),
        Fact(title_of(ACCURACY), tuple(percent(run.best_accuracy) for run in summaries)),
        Fact(
            _tr("Images that chose it"),
            tuple(NOTHING if run.best_n is None else n_of(run.best_n) for run in summaries),
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
            tuple(n_of(entry.n) if entry is not None else not_scored for entry in metrics),
        )
    )
    rows += [
        Fact(
            title_of(metric),
            tuple(metric.said_of(entry) if entry is not None else NOTHING for entry in metrics),
            hint=hint_of(metric),
        )
        for metric in LEADING
    ]
    malignant = {name for record in records for name in record.malignant}
    for name in dict.fromkeys(name for entry in scored for name in entry.classes):
        per_class = [entry.per_class.get(name) if entry is not None else None for entry in metrics]
        rows.append(
            Fact(
                _tr("Recall, {class_name}").format(class_name=class_label(name, malignant)),
                tuple(
                    f"{RECALL.with_interval(row.recall, row.recall_interval)}, {n_of(row.support)}"
                    if row is not None
                    else NOTHING
                    for row in per_class
                ),
            )
        )
    return rows
