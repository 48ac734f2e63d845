"""What the template of a report of images is filled in with: texts as they are shown, pictures as they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skindesk.choice_words import deciding_figures
from skindesk.flag_words import flag_title, reasons
from skindesk.reports.content import titled
from skindesk.reports.layout.insets import Picture, fitted
from skindesk.reports.orders import SIMILAR_SHOWN
from skindesk.reports.overlay import overlaid
from skindesk.reports.words import MALIGNANT_MARK, confirmation, date_words, listed, one_line, tr
from skindesk.verdict_words import headline, members, set_statement, spread_line
from trainer.dataset.classes.names import full_name, in_sentence
from trainer.images.evidence import CAUTION, whose_map
from trainer.palette import class_colour
from trainer.predictions import choice_of
from trainer.sentences import visible
from trainer.wording import NOTHING, counted, percent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skindesk.models.diagnosis.patient import PatientFields
    from skindesk.reports.content import DiagnosisReport, ReportImage, ReportModel
    from trainer.images.framing import ImageView
    from trainer.predictions import Prediction, SimilarCases

_PICTURE_WIDTH = 208.0
_PICTURE_HEIGHT = 190.0
"""Largest size of an image, points: 73 mm, at which the 600 pixels of HAM10000 are 208 to an inch."""

_OVERLAY_WIDTH, _OVERLAY_HEIGHT = 150.0, 130.0
"""Largest size of the picture that shows where the network looked."""

_WHOLE = (0.0, 0.0, 1.0, 1.0)

_MOST_LISTED = 10
"""Classes whose probabilities are listed for an image that is flagged."""


@dataclass(frozen=True)
class ClassRow:
    """A class in a table of probabilities."""

    name: str
    malignant: bool
    predicted: bool
    share: float
    percent: str
    colour: str


@dataclass(frozen=True)
class AnswerView:
    """A prediction as it is shown, the most probable class first.

    Attributes:
        predicted, predicted_percent: the predicted class and its probability.
        malignant: whether that class is.
        malignant_sum: of the malignant classes' probabilities; empty where no class is marked.
        figures: what decided where another class is more probable; else empty.
        headline: whether the operating point flags it; empty where none is saved.
        flagged: whether it does.
        members: of the prediction set; empty where there is none.
        spread: how far apart the networks of an ensemble are; empty for a network by itself.
        rows: of all classes.
        flag: what leads where the answer must not be relied on; else empty.
        reasons: sentences why.
        unreliable: the probabilities of a flagged image, in one sentence; else empty.
    """

    predicted: str
    predicted_percent: str
    malignant: bool
    malignant_sum: str
    figures: str
    headline: str
    flagged: bool
    members: str
    spread: str
    rows: tuple[ClassRow, ...]
    flag: str
    reasons: tuple[str, ...]
    unreliable: str


@dataclass(frozen=True)
class Evidence:
    """Where the network looked for the predicted class.

    Attributes:
        picture: with the map laid over it; `None` where nothing in the image speaks for the class.
        words: below it.
    """

    picture: Picture | None
    words: str


@dataclass(frozen=True)
class SimilarRow:
    """A training image that looks like an image."""

    name: str
    malignant: bool
    distance: str
    confirmed: str


@dataclass(frozen=True)
class Similar:
    """Training images most like an image.

    Attributes:
        rows: the nearest first.
        notes: what the nearest lesions are, and whether the image is a training image itself, in sentences.
    """

    rows: tuple[SimilarRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ImageEntry:
    """An image as it is shown; without an answer `error` says why, without a picture `part` does."""

    name: str
    part: str
    picture: Picture | None
    answer: AnswerView | None
    warnings: tuple[str, ...]
    error: str
    evidence: Evidence | None
    similar: Similar | None


def images_context(report: DiagnosisReport, patient: PatientFields, text_width: float) -> dict[str, object]:
    """Return what the template needs.

    Args:
        report: what is to be said.
        patient: its patient, tidied.
        text_width: of the page, points.
    """
    model = report.model
    entries = [_entry(image, model) for image in report.images]
    return {
        "summary": _summary(report),
        "case": one_line(report.case),
        "about_network": True,
        "patient": titled(patient),
        "notes": [line for line in patient.notes.splitlines() if line.strip()],
        "together": _answer(report.together, model) if report.together is not None else None,
        "overview": len(entries) > 1,
        "predicted_names": [
            f"{MALIGNANT_MARK} {entry.answer.predicted}"
            for entry in entries
            if entry.answer and not entry.answer.flag
        ],
        # What decided, and what is flagged, are sentences.
        "wide_answers": any(entry.answer.figures or entry.answer.flag for entry in entries if entry.answer),
        "images": entries,
        "unread_sentence": _unread_sentence,
        "picture_width": min(_PICTURE_WIDTH, 0.45 * text_width),
        "reading": [
            *reading_sentences(model),
            *_set_sentences(report),
            *(
                filter(None, (CAUTION, whose_map(model.networks)))
                if any(entry.evidence for entry in entries)
                else ()
            ),
            *([_similar_sentence()] if any(entry.similar for entry in entries) else []),
        ],
        "network": network_facts(model, report.program_version),
        "model": model,
        "remarks": model.remarks,
    }


def reading_sentences(model: ReportModel) -> list[str]:
    """Return what must be known to read the numbers: rule, prior, malignant classes, geometry."""
    if model.malignant:
        names = listed(full_name(name) for name in model.malignant)
        marked = tr("{0} marks the malignant classes: {1}. Their probabilities are summed.").format(
            MALIGNANT_MARK, names
        )
    else:
        marked = tr("No class of this network is marked malignant.")
    unflagged = [] if model.card.knows_images else [model.card.flag]
    return [*unflagged, model.decision_rule, model.prior, marked, model.geometry]


def _similar_sentence() -> str:
    return tr(
        "Similar training images: those of other lesions whose features are nearest. The distance compares directions of "
        "features: 0 is the same, 1 unrelated, so an image of another kind can be near, too. Looking alike to the "
        "network is no diagnosis."
    )


def _set_sentences(report: DiagnosisReport) -> list[str]:
    """Return what prediction sets promise, where there are any."""
    bases = {image.prediction.set_basis for image in report.images} - {None}
    classes = len(report.model.classes)
    return [
        tr("Prediction sets: {0}").format(set_statement(basis, classes))
        for basis in bases
        if basis is not None
    ]


def network_facts(model: ReportModel, program_version: str) -> list[tuple[str, str]]:
    """Return titles and texts that say which network it is."""
    facts = [
        (tr("Name"), one_line(model.name)),
        (tr("Backbone"), tr("{0}, {1} × {1} pixels").format(model.backbone, model.input_size)),
        (tr("Bundle"), model.bundle_hash),
        (tr("Trained"), date_words(model.trained)),
        (tr("Dataset"), one_line(model.dataset)),
        (tr("Split"), model.split),
        *card_facts(model),
        (tr("Program"), f"SkinDesk {program_version}"),
    ]
    if not model.metrics:
        facts.append((tr("Test part"), tr("Not scored on a test part.")))
    return facts


def card_facts(model: ReportModel) -> list[tuple[str, str]]:
    """Return titles and texts on the images a network learned from."""
    pairs = [(tr("Learned from"), model.card.trained_on), (tr("Confirmed by"), model.card.confirmed)]
    return [(title, one_line(text)) for title, text in pairs if text]


def _summary(report: DiagnosisReport) -> str:
    return tr("{date}  ·  {images}  ·  {backbone}, bundle {digits}").format(
        date=date_words(report.created),
        images=counted(len(report.images), tr("image"), tr("images")),
        backbone=report.model.backbone,
        digits=report.model.bundle_hash,
    )


def _answer(prediction: Prediction, model: ReportModel) -> AnswerView:
    shares = prediction.probabilities
    ranked = sorted(shares, key=lambda name: (-shares[name], name))
    malignant = prediction.malignant_probability if model.malignant else None
    # Neither the sensitivity nor the sets hold for images of another kind.
    holds = prediction.in_distribution is not False
    point = prediction.operating_point if holds else None
    flag = flag_title(prediction)
    return AnswerView(
        predicted=full_name(prediction.predicted),
        predicted_percent=percent(shares[prediction.predicted]),
        malignant=prediction.predicted in model.malignant,
        malignant_sum="" if malignant is None else percent(malignant),
        figures=deciding_figures(choice_of(shares, prediction.predicted, model.shares)),
        headline="" if point is None else headline(point),
        flagged=point is not None and point.above,
        members=members(prediction) if holds else "",
        spread=spread_line(prediction, model.networks),
        rows=tuple(
            ClassRow(
                name=full_name(name),
                malignant=name in model.malignant,
                predicted=name == prediction.predicted,
                share=shares[name],
                percent=percent(shares[name]),
                colour=class_colour(name, model.classes),
            )
            for name in ranked
        ),
        flag=flag,
        reasons=reasons(prediction) if flag else (),
        unreliable=_unreliable(prediction, ranked, model) if flag else "",
    )


def _unreliable(prediction: Prediction, ranked: list[str], model: ReportModel) -> str:
    """Say what the network would answer about a flagged image, the most probable classes first."""
    shares = prediction.probabilities
    words = [
        f"{MALIGNANT_MARK if name in model.malignant else ''} {full_name(name)} {percent(shares[name])}".strip()
        for name in ranked[:_MOST_LISTED]
    ]
    if len(ranked) > _MOST_LISTED:
        words.append(tr("{0} others").format(len(ranked) - _MOST_LISTED))
    return tr("Not to be relied on: the network would say {predicted} ({shares}).").format(
        predicted=full_name(prediction.predicted), shares=", ".join(words)
    )


def _entry(image: ReportImage, model: ReportModel) -> ImageEntry:
    prediction = image.prediction
    answer = None if prediction.error else _answer(prediction, model)
    return ImageEntry(
        name=one_line(image.path.name),
        part=_part_words(image),
        picture=None if image.picture.isNull() else fitted(image.picture, _PICTURE_WIDTH, _PICTURE_HEIGHT),
        answer=answer,
        warnings=() if answer is not None and answer.flag else prediction.warnings,
        # A report may leave the machine: it names the file, not the folders it lies in.
        evidence=None if answer is None or answer.flag else _evidence(image, model),
        similar=_similar(image.similar, model, flagged=bool(answer.flag))
        if image.similar is not None and answer is not None
        else None,
        error=one_line(prediction.error.replace(visible(str(image.path)), image.path.name)),
    )


def _evidence(image: ReportImage, model: ReportModel) -> Evidence | None:
    found, name = image.evidence, in_sentence(image.prediction.predicted)
    if found is None or image.picture.isNull():
        return None
    if found.empty:
        return Evidence(None, tr("No part of the image raised the network's score for {0}.").format(name))
    picture = overlaid(image.picture, found, model.shape)
    return Evidence(
        fitted(picture, _OVERLAY_WIDTH, _OVERLAY_HEIGHT),
        tr("Where the network looked for {0} (Grad-CAM), most of all inside the line.").format(name),
    )


def _similar(found: SimilarCases, model: ReportModel, *, flagged: bool) -> Similar:
    notes = []
    counts = ", ".join(
        f"{round(share * found.of)} {in_sentence(name)}" for name, share in found.shares.items()
    )
    if not flagged:  # a second opinion on an image of another kind would be none
        notes.append(tr("Of the {n} most similar lesions: {counts}.").format(n=found.of, counts=counts))
    if found.left_out:
        notes.append(tr("This image or its lesion is among the training images; it is left out here."))
    return Similar(
        rows=tuple(
            SimilarRow(
                name=full_name(case.class_name),
                malignant=case.class_name in model.malignant,
                distance=f"{case.distance:.2f}",
                confirmed=one_line(confirmation(case.confirmed)) or NOTHING,
            )
            for case in found.nearest[:SIMILAR_SHOWN]
        ),
        notes=tuple(notes),
    )


def _part_words(image: ReportImage) -> str:
    if image.picture.isNull():
        return tr("The picture could not be read again for this report.")
    changes = list(_changes(image.view)) if image.view is not None else []
    cut = image.view is not None and image.view.crop not in (None, _WHOLE)
    whole = tr("Part of the image") if cut else tr("Whole image")
    what = f"{whole}: {', '.join(changes)}" if cut else ", ".join([whole, *changes])
    if image.pixels is None:
        return what
    width, height = image.pixels
    return tr("{0}, {1:,}\u00a0×\u00a0{2:,}\u00a0pixels").format(what, width, height)


def _changes(view: ImageView) -> Iterable[str]:
    if view.rotation % 360:
        yield tr("rotated by {0}° clockwise").format(f"{view.rotation % 360:g}")
    if view.crop not in (None, _WHOLE):
        x, y, width, height = view.crop
        yield tr("cropped to {0}–{1}\u00a0% of the width, {2}–{3}\u00a0% of the height").format(
            *(f"{100 * edge:.0f}" for edge in (x, x + width, y, y + height))
        )


def _unread_sentence(index: int, count: int, entry: ImageEntry) -> str:
    number = f"{index}. " if count > 1 else ""
    return tr("{0}{1} could not be read: {2}").format(number, entry.name, entry.error)
