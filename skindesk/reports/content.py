"""What a report of images says: plain values, gathered from what was entered, predicted and stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skindesk.metric_words import name_of, title_of
from skindesk.models.diagnosis.patient import PATIENT_ENTRIES, PatientFields, translated_entries
from skindesk.reports.network.card import ModelCard, model_card
from skindesk.reports.words import listed, one_line, printable, tr
from trainer.backbones import get_backbone
from trainer.dataset.classes.names import full_name
from trainer.dataset.groups.certificate import PARTS
from trainer.dataset.groups.known_pairs import SOURCE
from trainer.metrics.catalogue import ACCURACY, BALANCED_ACCURACY, OVERALL, PRECISION, RECALL
from trainer.metrics.choosing import MOST_CLASSES, SHOWN_CLASSES
from trainer.runs.bundle import bundle_hash, read_manifest
from trainer.runs.reading import read_run
from trainer.wording import counted, percent

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from PySide6.QtGui import QImage

    from trainer.config import Shape
    from trainer.dataset.groups.certificate import SplitCertificate
    from trainer.events import PartMetrics
    from trainer.images.evidence import EvidenceMap
    from trainer.images.framing import ImageView
    from trainer.metrics.catalogue import Metric
    from trainer.metrics.classification import Metrics
    from trainer.metrics.decision import Calibration
    from trainer.metrics.intervals import Interval
    from trainer.predictions import Prediction, SimilarCases
    from trainer.runs.bundle import Manifest
    from trainer.runs.summary import Report

_SHORT_FINGERPRINT = 12  # digits, as many as of a bundle's hash


def tidied(patient: PatientFields) -> PatientFields:
    """Return fields without blanks around them and without control characters, all but the notes in one line."""
    texts = {
        name: one_line(getattr(patient, name)) if entry.longest else printable(getattr(patient, name))
        for name, entry in PATIENT_ENTRIES.items()
    }
    return PatientFields(**texts)


def titled(patient: PatientFields) -> tuple[tuple[str, str], ...]:
    """Return title and text of the short fields that are not empty, in the report's order."""
    fields = ((entry, getattr(patient, name)) for name, entry in translated_entries().items())
    return tuple((entry.title, text) for entry, text in fields if entry.longest and text)


@dataclass(frozen=True)
class ReportImage:
    """An image and what the network says of it.

    Attributes:
        path: of the file.
        picture: what was asked about, rotated and cropped; null where the file cannot be read.
        prediction: or the reason why there is none.
        view: how it was rotated and cropped, to be said in words; `None` for the whole image.
        pixels: width and height of what was asked about, of which `picture` may be a smaller copy; `None` where
            not known.
        evidence: where the network looked for the predicted class; `None` where that is not known.
        similar: training images most like it; `None` where the bundle knows none.
    """

    path: Path
    picture: QImage
    prediction: Prediction
    view: ImageView | None = None
    pixels: tuple[int, int] | None = None
    evidence: EvidenceMap | None = None
    similar: SimilarCases | None = None


@dataclass(frozen=True)
class ReportMetric:
    """One metric of the test part, in words.

    Attributes:
        name: of the metric.
        value: with its unit.
        interval: 95 %, with its unit; empty where there is none.
    """

    name: str
    value: str
    interval: str


@dataclass(frozen=True)
class ClassMetric:
    """How well one class is found, in words.

    Attributes:
        class_name: of the class.
        recall, precision: with interval; 95 %.
        n: images of the class.
    """

    class_name: str
    recall: ReportMetric
    precision: ReportMetric
    n: int


@dataclass(frozen=True)
class ReportModel:
    """The network behind a report.

    Attributes:
        name: of the run.
        backbone: title, as in its paper; of an ensemble, how many networks it has.
        input_size: side of the square it sees, pixels.
        bundle_hash: twelve digits.
        geometry: how an image becomes that square, a sentence.
        trained: date and time.
        dataset: what it was trained on, a phrase.
        split: how that was divided, a sentence.
        prior: what the probabilities are calibrated to, a sentence.
        decision_rule: how the predicted class follows from them, a sentence.
        classes: short names, in the order of the network's outputs.
        shares: of the classes among the training images, by short name, 0 to 1.
        malignant: those of them that are malignant.
        scored: on how many images of the test part, a phrase; empty where it was not scored.
        metrics: of the test part.
        class_metrics: the same for each class.
        remarks: sentences on the metrics.
        card: on whom it was tested, what it was never shown, what its flag rests on.
        networks: in an ensemble; 0 for a network by itself.
        shape: how a rectangle becomes the network's square.
    """

    name: str
    backbone: str
    input_size: int
    bundle_hash: str
    geometry: str
    trained: datetime
    dataset: str
    split: str
    prior: str
    decision_rule: str
    classes: tuple[str, ...]
    shares: dict[str, float]
    malignant: tuple[str, ...]
    scored: str = ""
    metrics: tuple[ReportMetric, ...] = ()
    class_metrics: tuple[ClassMetric, ...] = ()
    remarks: tuple[str, ...] = ()
    card: ModelCard = field(default_factory=ModelCard)
    networks: int = 0
    shape: Shape = "centre-square"


@dataclass(frozen=True)
class DiagnosisReport:
    """One or more images, and what the network says of them.

    Attributes:
        patient: what was entered.
        images: in the report's order.
        together: what the images say together, if they show one lesion and that was asked.
        model: the network.
        created: date and time of the report.
        program_version: of SkinDesk.
    """

    patient: PatientFields
    images: tuple[ReportImage, ...]
    together: Prediction | None
    model: ReportModel
    created: datetime
    program_version: str


def report_model(bundle: Path, *, name: str = "") -> ReportModel:
    """Describe the network of a bundle, with what its run scored on the test part, if it did.

    Args:
        bundle: folder; where it lies in a run's folder, the run's name and reports are used.
        name: what to call it instead.

    Raises:
        BundleError: the bundle is damaged, changed or too new.
    """
    manifest = read_manifest(bundle)
    identity = bundle_hash(bundle)
    run = read_run(bundle.parent if bundle.name == "bundle" else bundle)
    test = run.report("test") if run.bundle_hash == identity else None
    return ReportModel(
        name=name or run.name,
        backbone=run.backbone_title if manifest.members else get_backbone(manifest.backbone).title,
        input_size=manifest.input_size,
        bundle_hash=identity,
        geometry=_geometry_sentence(manifest),
        trained=manifest.created,
        dataset=dataset_phrase(manifest.split, manifest.dataset_fingerprint, run.dataset_name),
        split=split_sentence(manifest.split),
        prior=prior_sentence(manifest.calibration),
        decision_rule=manifest.calibration.describe_rule(),
        classes=manifest.classes,
        shares=manifest.calibration.prior,
        malignant=manifest.malignant,
        scored=_scored_phrase(test) if test is not None else "",
        metrics=overall_metrics(test.metrics) if test is not None else (),
        class_metrics=class_metrics(test.metrics) if test is not None else (),
        remarks=_remarks(test, manifest, run.best_n),
        card=model_card(bundle, manifest, run, test),
        networks=len(manifest.members),
        shape=manifest.geometry.shape,
    )


def dataset_phrase(split: SplitCertificate, fingerprint: str, name: str = "") -> str:
    """Say what a dataset holds: name, images, lesions, classes, fingerprint."""
    images = sum(split.images.values())
    lesions = sum(split.lesions.values())
    classes = len({class_name for part in split.classes.values() for class_name in part})
    parts = [counted(images, tr("image"), tr("images"))]
    if lesions:
        parts.append(counted(lesions, tr("lesion"), tr("lesions")))
    parts.append(counted(classes, tr("class"), tr("classes")))
    phrase = tr("{contents} (fingerprint {digits})").format(
        contents=", ".join(parts), digits=fingerprint[:_SHORT_FINGERPRINT]
    )
    return f"{name}: {phrase}" if name else phrase


def split_sentence(split: SplitCertificate) -> str:
    """Say how a dataset was divided, and whether anything lies in two parts."""
    train, validation, test = (split.images.get(part, 0) for part in PARTS)
    sentence = tr(
        "By group: {train:,} images for training, {validation:,} for validation, {test:,} for testing"
    ).format(train=train, validation=validation, test=test)
    if split.sound:
        sound = tr("{0}; no lesion, patient or file lies in two parts.").format(sentence)
        if not split.known_pairs_joined:
            return sound
        return tr("{0} Joined as one lesion known under two ids ({1}): {2}.").format(
            sound, SOURCE, counted(split.known_pairs_joined, tr("pair of images"), tr("pairs of images"))
        )
    counts = (
        (split.groups_in_two_parts, tr("group"), tr("groups")),
        (split.lesions_in_two_parts, tr("lesion"), tr("lesions")),
        (split.patients_in_two_parts, tr("patient"), tr("patients")),
        (split.files_in_two_parts, tr("file"), tr("files")),
        (split.known_pairs_in_two_parts, tr("known pair of one lesion"), tr("known pairs of one lesion")),
    )
    shared = listed(counted(count, one, many) for count, one, many in counts if count)
    return tr("{0}. Leakage: {1} in two parts.").format(sentence, shared)


def prior_sentence(calibration: Calibration) -> str:
    """Say which class frequencies the probabilities assume."""
    ranked = sorted(calibration.prior, key=lambda name: (-calibration.prior[name], name))
    named = ranked if len(ranked) <= MOST_CLASSES else ranked[:SHOWN_CLASSES]
    words = [f"{full_name(name)} {percent(calibration.prior[name])}" for name in named]
    if len(named) < len(ranked):
        words.append(tr("{0} others").format(len(ranked) - len(named)))
    shares = ", ".join(words)
    return tr("The probabilities assume the class frequencies of the training set: {0}.").format(shares)


def overall_metrics(metrics: Metrics) -> tuple[ReportMetric, ...]:
    """Return the metrics over all classes, the leading one first."""
    return tuple(
        _said(metric, metric.value_in(metrics), metrics.intervals.get(metric.key)) for metric in OVERALL
    )


def class_metrics(metrics: Metrics) -> tuple[ClassMetric, ...]:
    """Return the metrics of each class, in the network's order."""
    return tuple(
        ClassMetric(
            class_name=name,
            recall=_said(RECALL, row.recall, row.recall_interval),
            precision=_said(PRECISION, row.precision, row.precision_interval),
            n=row.support,
        )
        for name, row in metrics.per_class.items()
    )


def _said(metric: Metric, value: float | None, interval: Interval | None) -> ReportMetric:
    return ReportMetric(title_of(metric), metric.figure(value), metric.interval(interval))


def _scored_phrase(report: Report) -> str:
    metrics = report.metrics
    return tr("{images} in {groups}").format(
        images=counted(metrics.n, tr("image"), tr("images")),
        groups=counted(metrics.groups, tr("group"), tr("groups")),
    )


def _remarks(report: Report | None, manifest: Manifest, chosen_on: int | None) -> tuple[str, ...]:
    if report is None and manifest.members:
        return ()
    if report is None:
        return (validation_sentence(manifest.metrics.validation, chosen_on),)
    remarks = list(report.metrics.notes)
    if report.dataset_fingerprint != manifest.dataset_fingerprint:
        remarks.append(
            tr(
                "The network was tested on another dataset or split than it was trained on; the "
                "test part may contain training images."
            )
        )
    if (report.test_scorings or 0) > 1:
        remarks.append(
            tr("The test part has been scored {n} times with this network.").format(n=report.test_scorings)
        )
    return tuple(remarks)


def validation_sentence(validation: PartMetrics, images: int | None) -> str:
    """Say how good the best epoch was on the images that chose it."""
    n = sum(validation.support.values()) or images
    return tr(
        "On the {images} that chose the best epoch: {balanced} {recall}, {accuracy} {share}. "
        "Such figures are optimistic."
    ).format(
        images=tr("validation images")
        if n is None
        else counted(n, tr("validation image"), tr("validation images")),
        balanced=name_of(BALANCED_ACCURACY),
        recall=percent(validation.macro_recall),
        accuracy=name_of(ACCURACY),
        share=percent(validation.accuracy),
    )


def _geometry_sentence(manifest: Manifest) -> str:
    size = f"{manifest.input_size} × {manifest.input_size}"
    if manifest.geometry.shape == "centre-square":
        return tr("The network sees the largest centred square of an image, at {0} pixels.").format(size)
    if manifest.geometry.shape == "pad":
        return tr("The network sees the whole image with black borders, at {0} pixels.").format(size)
    return tr("The network sees the whole image, stretched to {0} pixels.").format(size)
