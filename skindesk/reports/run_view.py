"""What the template of a report of a run is filled in with: texts as they are shown, drawings as they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skindesk.metric_words import chooser_name, name_of
from skindesk.reports.content import dataset_phrase, split_sentence
from skindesk.reports.images_view import card_facts, reading_sentences
from skindesk.reports.layout.figures import FigureInset
from skindesk.reports.layout.insets import Line
from skindesk.reports.network.checklists import Item, RunAnswers, clear_derm, tripod_ai
from skindesk.reports.words import date_words, one_line, tr
from trainer.backbones import get_backbone
from trainer.dataset.classes.names import full_name
from trainer.dataset.groups.certificate import PARTS
from trainer.figures.calibration import ENOUGH_IMAGES
from trainer.figures.curves import Scored
from trainer.figures.evaluation import printed_curves
from trainer.figures.history import TRAIN_COLOUR, best_place, printed_history, printed_recalls, recalls_shown
from trainer.figures.matrix import cells_of, printed_confusion
from trainer.figures.page import ACCENT, PRINT, own_style
from trainer.metrics.catalogue import ACCURACY, BALANCED_ACCURACY, ROC_AUC
from trainer.palette import class_colour
from trainer.wording import NOTHING, chosen_percent, counted, duration, n_of, number, percent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from skindesk.reports.content import ReportModel
    from skindesk.reports.training import TrainingReport
    from trainer.config import Augmentation, RunConfig, Schedule
    from trainer.dataset.groups.certificate import SplitCertificate


@dataclass(frozen=True)
class CurveRow:
    """A class in the table beside the curves."""

    name: str
    malignant: bool
    line: Line
    n: int = 0
    area: str = ""
    interval: str = ""
    average_precision: str = ""


@dataclass(frozen=True)
class SplitRow:
    """A row of the split's table: counts of train, validation, test, and together."""

    name: str
    malignant: bool
    counts: tuple[int, ...]


def run_context(report: TrainingReport, text_width: float) -> dict[str, object]:
    """Return what the template needs.

    Args:
        report: what is to be said.
        text_width: of the page, points.
    """
    malignant = report.run.malignant
    classes = report.run.classes or _classes_seen(report)
    return _figures(report, classes, text_width) | {
        "summary": "  ·  ".join((one_line(report.run.name), report.status)),
        "facts": list(_facts(report)),
        "model": report.model,
        "card_facts": card_facts(report.model) if report.model is not None else [],
        "curve_rows": _curve_rows(report),
        "train_line": Line(TRAIN_COLOUR, bold=False),
        "validation_line": Line(ACCENT, bold=True),
        "few_images": ENOUGH_IMAGES,
        "legend": [_legend_row(name, classes, malignant) for name in recalls_shown(report.history, classes)],
        **_notes(report, classes),
        "checklists": _checklists(report),
        "data_facts": _data_facts(report),
        "split_parts": [tr("Training"), tr("Validation"), tr("Test"), tr("Together")],
        "split_rows": _split_rows(report.split, malignant) if report.split is not None else [],
        "split_remarks": list(report.split.notes) if report.split is not None else [],
        "settings": [*_settings(report.config), (tr("Trained with"), _versions(report))],
        "remarks": [one_line(sentence) for sentence in report.remarks],
        "reading": reading_sentences(report.model) if report.model is not None else [],
    }


def _checklists(report: TrainingReport) -> list[tuple[str, str, tuple[Item, ...]]]:
    """Return heading, source and items of each checklist; none for a run without a bundle."""
    if report.model is None:
        return []
    answers = _answers(report, report.model)
    return [
        (
            tr("Checklist: CLEAR Derm"),
            tr("Daneshjou et al., JAMA Dermatology 2022;158:90. Items in short, in words of SkinDesk."),
            clear_derm(answers),
        ),
        (
            tr("Checklist: TRIPOD+AI"),
            tr("Collins et al., BMJ 2024;385:e078378. Items in short, in words of SkinDesk."),
            tripod_ai(answers),
        ),
    ]


def _answers(report: TrainingReport, model: ReportModel) -> RunAnswers:
    config, card = report.config, model.card
    return RunAnswers(
        backbone=tr("{0}, {1} × {1} pixels, initial weights: {2}").format(
            model.backbone, model.input_size, _weights_words(config.weights)
        ),
        bundle=model.bundle_hash,
        dataset=one_line(model.dataset),
        split=model.split,
        trained_on=card.trained_on,
        geometry=model.geometry,
        augmentation=", ".join(_augmentation_words(config.augmentation)) or tr("none"),
        imbalance=tr("{0}. {1}").format(_imbalance_words(config).capitalize(), model.prior),
        views=config.test_views,
        classes=", ".join(map(full_name, model.classes)),
        confirmed=card.confirmed,
        confirmed_malignant=card.confirmed_malignant,
        decision_rule=model.decision_rule,
        scored=model.scored,
        by_facts=bool(card.tables),
        flag=card.flag,
        drawn=report.run.drawn,
        program=f"SkinDesk {report.program_version}",
    )


def _figures(report: TrainingReport, classes: tuple[str, ...], width: float) -> dict[str, object]:
    """Return the figures, `None` where there is nothing to be drawn."""
    test, history, malignant = report.test, report.history, report.run.malignant
    scored = _scored(report)
    with own_style(PRINT):
        figures = {
            "confusion": printed_confusion(test, malignant, width) if test is not None else None,
            "curves": printed_curves(scored, width) if scored is not None else None,
            "learning": printed_history(history, width) if history else None,
            "recalls": printed_recalls(history, classes, malignant, width) if classes and history else None,
        }
    return {name: FigureInset(figure) if figure is not None else None for name, figure in figures.items()}


def _notes(report: TrainingReport, classes: tuple[str, ...]) -> dict[str, str]:
    """Say which classes the figures leave out; empty where they show all."""
    scored, shown = _scored(report), recalls_shown(report.history, classes)
    rest = len(classes) - len(shown)
    return {
        "confusion_note": cells_of(report.test).note if report.test is not None else "",
        "curves_note": scored.note if scored is not None else "",
        "recalls_note": tr("The recalls of {0} classes are drawn; {1} others are not.").format(
            len(shown), rest
        )
        if rest
        else "",
    }


def _scored(report: TrainingReport) -> Scored | None:
    if report.scores is None or report.test is None:
        return None
    return Scored(report.scores.truth, report.scores.probabilities, report.test, report.run.malignant)


def _facts(report: TrainingReport) -> Iterable[tuple[str, str]]:
    run, config = report.run, report.config
    yield tr("Started"), date_words(run.created)
    size = run.input_size or get_backbone(config.backbone).default_size
    yield (
        tr("Backbone"),
        tr("{0}, {1} × {1} pixels, weights: {2}").format(
            get_backbone(config.backbone).title, size, _weights_words(config.weights)
        ),
    )
    if report.history:
        yield (
            tr("Epochs"),
            tr("{0} of at most {1}, together {2}").format(
                run.epochs, run.planned_epochs, duration(report.seconds)
            ),
        )
    best = best_place(report.history)
    if best is not None:
        epoch = report.history[best]
        yield (
            tr("Best epoch"),
            tr("{0} (stage {1}): validation {2} {3}, {4} {5}{6}").format(
                best + 1,
                epoch.stage,
                name_of(BALANCED_ACCURACY),
                percent(epoch.validation.macro_recall),
                name_of(ACCURACY),
                percent(epoch.validation.accuracy),
                _n_words(sum(epoch.validation.support.values()) or run.best_n),
            ),
        )
    if report.device:
        yield tr("Device"), report.device
    if report.model is not None:
        yield tr("Bundle"), report.model.bundle_hash
    yield tr("Report by"), f"SkinDesk {report.program_version}"


def _n_words(n: int | None) -> str:
    return "" if n is None else f" ({n_of(n)})"


def _weights_words(weights: str) -> str:
    return {"imagenet": "ImageNet", "random": tr("random")}.get(weights, Path(weights).name)


def _classes_seen(report: TrainingReport) -> tuple[str, ...]:
    """Return the classes of a run that has no bundle yet."""
    return tuple(sorted({name for epoch in report.history for name in epoch.validation.recall}))


def _legend_row(name: str, classes: tuple[str, ...], malignant: tuple[str, ...]) -> CurveRow:
    marked = name in malignant
    return CurveRow(full_name(name), marked, Line(class_colour(name, classes), bold=marked))


def _curve_rows(report: TrainingReport) -> list[CurveRow]:
    scored = _scored(report)
    if scored is None:
        return []
    return [
        CurveRow(
            name=full_name(name),
            malignant=name in scored.malignant,
            line=Line(class_colour(name, scored.metrics.classes), bold=name in scored.malignant),
            n=metrics.support,
            area=ROC_AUC.figure(metrics.roc_auc),
            interval=ROC_AUC.interval(metrics.roc_auc_interval),
            average_precision=number(scored.found(name).average_precision()),
        )
        for name in scored.shown
        for metrics in (scored.metrics.per_class[name],)
    ]


def _data_facts(report: TrainingReport) -> list[tuple[str, str]]:
    split = report.split
    if split is None:
        return []
    wished = " / ".join(chosen_percent(share) for share in split.fractions)
    phrase = dataset_phrase(
        split, report.run.dataset_fingerprint or split.fingerprint, report.run.dataset_name
    )
    return [
        (tr("Dataset"), one_line(phrase)),
        (tr("Split"), split_sentence(split)),
        (tr("Requested"), tr("{0}, with seed {1}").format(wished, split.seed)),
    ]


def _split_rows(split: SplitCertificate, malignant: tuple[str, ...]) -> list[SplitRow]:
    def row(name: str, counts: dict[str, int], *, marked: bool = False) -> SplitRow:
        parts = [counts.get(part, 0) for part in PARTS]
        return SplitRow(name, marked, (*parts, sum(parts)))

    rows = [row(tr("Images"), split.images), row(tr("Groups"), split.groups)]
    if any(split.lesions.values()):
        rows.append(row(tr("Lesions"), split.lesions))
    names = sorted({name for part in PARTS for name in split.classes.get(part, {})})
    for name in names:
        counts = {part: split.classes.get(part, {}).get(name, 0) for part in PARTS}
        rows.append(row(full_name(name), counts, marked=name in malignant))
    return rows


def _settings(config: RunConfig) -> Iterable[tuple[str, str]]:
    head = config.head
    layers = ", ".join(str(units) for units in head.dense) or tr("none")
    yield (
        tr("Head"),
        tr("dense layers: {0}; dropout {1}; batch normalization {2}").format(
            layers, chosen_percent(head.dropout), tr("on") if head.batch_normalization else tr("off")
        ),
    )
    if "head" in config.stages:
        stage = config.head_stage
        yield (
            tr("Stage head"),
            tr("{0}, batch {1}, learning rate {2:g}, weight decay {3:g}, {4}; {5}").format(
                counted(stage.epochs, tr("epoch"), tr("epochs")),
                stage.batch_size,
                stage.learning_rate,
                stage.weight_decay,
                counted(stage.views, tr("augmented view"), tr("augmented views")),
                _schedule_words(stage.schedule),
            ),
        )
    if "fine-tune" in config.stages:
        tune = config.fine_tune_stage
        yield (
            tr("Stage fine-tune"),
            tr(
                "{0}, batch {1} × {2}, learning rate {3:g}, weight decay {4:g}, from block {5}, "
                "gradient norm at most {6:g}, weight average {7:g}; {8}"
            ).format(
                counted(tune.epochs, tr("epoch"), tr("epochs")),
                tune.batch_size,
                tune.accumulation,
                tune.learning_rate,
                tune.weight_decay,
                tune.from_block,
                tune.clip_norm,
                tune.average,
                _schedule_words(tune.schedule),
            ),
        )
    yield tr("Augmentation"), ", ".join(_augmentation_words(config.augmentation)) or tr("none")
    yield tr("Class imbalance"), _imbalance_words(config)
    stopping = config.early_stopping
    yield (
        tr("Best epoch by"),
        tr("{0} of validation, patience {1}").format(
            chooser_name(stopping.metric), counted(stopping.patience, tr("epoch"), tr("epochs"))
        ),
    )
    yield (
        tr("Calibration"),
        tr("on {0} of the validation groups").format(chosen_percent(config.calibration_share)),
    )
    yield tr("Geometry"), f"{config.geometry.shape}, {config.geometry.resampling}"
    yield tr("Views of a prediction"), str(config.test_views)
    yield tr("Precision"), config.precision
    seed = tr("{0}, deterministic") if config.deterministic else "{0}"
    yield tr("Seed"), seed.format(config.seed)


def _schedule_words(schedule: Schedule) -> str:
    return tr("schedule {0}, warm-up {1}").format(schedule.kind, chosen_percent(schedule.warmup))


def _augmentation_words(augmentation: Augmentation) -> Iterable[str]:
    if augmentation.flip_horizontal:
        yield tr("flipped left and right")
    if augmentation.flip_vertical:
        yield tr("flipped up and down")
    if augmentation.rotation:
        yield tr("rotated up to {0:g}°").format(augmentation.rotation)
    shares = (
        (tr("shift"), augmentation.shift),
        (tr("zoom"), augmentation.zoom),
        (tr("brightness"), augmentation.brightness),
        (tr("contrast"), augmentation.contrast),
        (tr("colour"), augmentation.colour),
    )
    for name, share in shares:
        if share:
            yield tr("{0} up to {1}").format(name, chosen_percent(share))


def _imbalance_words(config: RunConfig) -> str:
    imbalance = config.imbalance
    if imbalance.method == "focal":
        return tr("focal loss, gamma {0:g}").format(imbalance.focal_gamma)
    if imbalance.method == "logit-adjustment":
        return tr("logit adjustment, tau {0:g}").format(imbalance.adjustment_tau)
    return imbalance.method.replace("-", " ")


def _versions(report: TrainingReport) -> str:
    return ", ".join(f"{name} {version}" for name, version in report.versions.items()) or NOTHING
