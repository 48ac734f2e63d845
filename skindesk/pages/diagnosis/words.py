"""The sentences of the diagnosis page: what a result means, what it rests on, how good the network is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from skindesk.choice_words import deciding_figures
from skindesk.flag_words import flag_title, reasons
from skindesk.metric_words import name_of
from skindesk.verdict_words import headline, members, set_statement, spread_line
from skindesk.widgets.quantities import images_counted
from skindesk.widgets.theme import class_label
from trainer import RESEARCH_ONLY
from trainer.dataset.classes.names import in_sentence
from trainer.errors import ImageError
from trainer.images.decoding import MISSING
from trainer.metrics.catalogue import BALANCED_ACCURACY, PRECISION, RECALL
from trainer.sentences import visible
from trainer.wording import n_of, percent

if TYPE_CHECKING:
    from pathlib import Path

    from skindesk.models.diagnosis.bundle import BundleFacts
    from skindesk.models.diagnosis.case import Answer, CaseImage
    from skindesk.models.diagnosis.collecting import Collected
    from trainer.metrics.catalogue import Metric
    from trainer.metrics.classification import ClassMetrics
    from trainer.metrics.intervals import Interval
    from trainer.predictions import Prediction
    from trainer.runs.summary import RunSummary

_MELANOMA = "mel"


def tr(text: str) -> str:
    """Return a text of this page in the language of the program."""
    return QCoreApplication.translate("diagnosis", text)


def network_name(run: RunSummary) -> str:
    """Return what a network is called where one is chosen; the demo's are marked."""
    return tr("{name} (demo)").format(name=run.name) if run.drawn else run.name


def about_file(sentence: str, path: Path) -> str:
    """Return a sentence about a file with the file's name instead of its whole path."""
    if sentence == str(ImageError(MISSING.format(path=path))):  # whoever named it saw it there
        return tr("{name} no longer exists: it was moved, renamed or deleted.").format(name=path.name)
    return sentence.replace(visible(str(path)), path.name)


def what_was_found(collected: Collected) -> str:
    """Say what a folder held, or what was left out; empty where all that was handed in was files, and is taken."""
    found, names = images_counted(collected.found), ", ".join(folder.name for folder in collected.folders)
    if collected.found > len(collected.images):
        return tr("{found} found; the first {taken} were opened.").format(
            found=found, taken=len(collected.images)
        )
    if collected.cut:
        return tr("{names} holds too many files; {images} found in those searched.").format(
            names=names, images=found
        )
    return tr("{images} found in {names}.").format(images=found, names=names) if names else ""


def rests_on(facts: BundleFacts, images: int) -> str:
    """Say in a line what the probabilities rest on.

    Args:
        facts: of the bundle.
        images: that are asked about together; 1 for one alone.
    """
    if networks := len(facts.manifest.members):
        return tr("Mean of {n} networks, {images}, bundle {hash}.").format(
            n=networks, images=images_counted(images), hash=facts.hash
        )
    views = facts.manifest.config.test_views
    seen = tr("1 view") if views == 1 else tr("{n} views").format(n=views)
    origin = tr("Calibrated") if facts.manifest.calibration.fitted else tr("Not calibrated")
    if images > 1:
        return tr("{calibrated}, mean of {images} × {views}, bundle {hash}.").format(
            calibrated=origin, images=images_counted(images), views=seen, hash=facts.hash
        )
    return tr("{calibrated}, mean of {views}, bundle {hash}.").format(
        calibrated=origin, views=seen, hash=facts.hash
    )


def explanation(facts: BundleFacts) -> str:
    """Say in a few sentences how probabilities and prediction come about."""
    calibration = facts.manifest.calibration
    ranked = sorted(calibration.prior, key=lambda name: (-calibration.prior[name], name))
    shares = ", ".join(f"{in_sentence(name)} {percent(calibration.prior[name])}" for name in ranked)
    if networks := len(facts.manifest.members):
        fitted = tr("They are the mean of those of {n} networks, each with its own calibration.").format(
            n=networks
        )
    elif calibration.fitted:
        fitted = tr("They were calibrated on {images} held out from training.").format(
            images=images_counted(calibration.n)
        )
    else:
        fitted = tr("They were not calibrated on held-out images.")
    meaning = tr("The probabilities assume the class frequencies of the training set: {shares}.").format(
        shares=shares
    )
    return f"{meaning} {fitted} {calibration.describe_rule()}"


def test_sentences(facts: BundleFacts, predicted: str) -> str:
    """Say how good the network is at the predicted class, and at melanoma, on images it had never seen."""
    metrics = facts.summary.test
    if metrics is None:
        return tr("This network has not been scored on a test part yet. You can do that on the Results page.")
    sentences = []
    row = metrics.per_class.get(predicted)
    if row is not None and row.support:
        sentences.append(tr("On its test part this network {found}.").format(found=_found(row, predicted)))
    called = _called(facts, predicted)
    if called:
        sentences.append(called)
    melanoma = metrics.per_class.get(_MELANOMA)
    if predicted != _MELANOMA and melanoma is not None and melanoma.support:
        sentences.append(tr("It {found}.").format(found=_found(melanoma, _MELANOMA)))
    return " ".join(sentences)


def _found(row: ClassMetrics, class_name: str) -> str:
    share = row.recall or 0.0
    return tr("found {found} of {n} images of {name} ({rate})").format(
        found=f"{round(share * row.support):,}",
        n=f"{row.support:,}",
        name=in_sentence(class_name),
        rate=_with_interval(RECALL, share, row.recall_interval),
    )


def _called(facts: BundleFacts, class_name: str) -> str:
    """Say how many images that were given a class are of it."""
    metrics = facts.summary.test
    if metrics is None or class_name not in metrics.classes:
        return ""
    column = metrics.classes.index(class_name)
    called = sum(line[column] for line in metrics.confusion_matrix)
    right = metrics.confusion_matrix[column][column]
    row = metrics.per_class[class_name]
    if not called or row.precision is None:
        return tr("It called none of them {name}.").format(name=in_sentence(class_name))
    return tr("Of {called} it called {name}, {right} really were ({rate}).").format(
        called=f"{called:,}",
        name=in_sentence(class_name),
        right=f"{right:,}",
        rate=_with_interval(PRECISION, row.precision, row.precision_interval),
    )


def _with_interval(metric: Metric, value: float, interval: Interval | None) -> str:
    """Return a value and its interval for brackets in a sentence, which says what the second is."""
    if interval is None:
        return metric.figure(value)
    return tr("{value}, 95\N{NO-BREAK SPACE}% interval {ends}").format(
        value=metric.figure(value), ends=metric.ends(interval)
    )


def bundle_line(facts: BundleFacts) -> str:
    """Say what network a bundle holds."""
    return tr("{backbone}, {size} × {size} pixels, bundle\N{NO-BREAK SPACE}{hash}").format(
        backbone=facts.summary.backbone_title, size=facts.manifest.input_size, hash=facts.hash
    )


def score_line(facts: BundleFacts) -> str:
    """Say how good it is on the test part."""
    metrics = facts.summary.test
    if metrics is None:
        return tr("Not scored on a test part yet")
    interval = metrics.intervals.get(BALANCED_ACCURACY.key)
    return tr("Test {metric} {rate}, {n}").format(
        metric=name_of(BALANCED_ACCURACY),
        rate=_with_interval(BALANCED_ACCURACY, metrics.balanced_accuracy, interval),
        n=n_of(metrics.n),
    )


def square_sentence(facts: BundleFacts) -> str:
    """Say what the dashed outline in the large view is."""
    size = facts.manifest.input_size
    seen = {
        "centre-square": tr("Dashed: the part the network sees, at {n} × {n} pixels"),
        "pad": tr("Dashed: the square the network sees, black around the image, at {n} × {n} pixels"),
        "squash": tr("Dashed: the part the network sees, squeezed to {n} × {n} pixels"),
    }
    return seen[facts.manifest.geometry.shape].format(n=size)


def result_text(
    facts: BundleFacts, prediction: Prediction, answer: Answer, images: tuple[CaseImage, ...]
) -> str:
    """Return a result as text for the clipboard."""
    names = ", ".join(image.path.name for image in images)
    head = tr("Images: {names}") if len(images) > 1 else tr("Image: {names}")
    lines = [head.format(names=names)]
    if prediction.error:
        return "\n".join([*lines, about_file(prediction.error, images[0].path)])
    malignant = facts.manifest.malignant
    if prediction.in_distribution is False:
        lines += [
            flag_title(prediction),
            *reasons(prediction),
            tr("The figures below are not to be relied on."),
        ]
    elif prediction.operating_point is not None:
        lines.append(headline(prediction.operating_point))
    lines.append(tr("Predicted: {name}").format(name=class_label(prediction.predicted, malignant)))
    if figures := deciding_figures(facts.choice(prediction)):
        lines.append(figures)
    ranked = sorted(prediction.probabilities.items(), key=lambda pair: -pair[1])
    lines += [f"{class_label(name, malignant)}\t{percent(share)}" for name, share in ranked]
    if spread := spread_line(prediction, len(facts.manifest.members)):
        lines.append(spread)
    if (share := prediction.malignant_probability) is None:
        lines.append(tr("No class of this network is marked malignant."))
    else:
        lines.append(tr("Malignant classes (▲) together: {share}").format(share=percent(share)))
    if prediction.in_distribution is not False:
        if prediction.set_basis is not None:
            lines.append(tr("Prediction set: {names}").format(names=members(prediction)))
            lines.append(set_statement(prediction.set_basis, len(facts.manifest.classes)))
        lines += list(prediction.warnings)
    lines += ["", f"{facts.summary.name}: {bundle_line(facts)}", score_line(facts)]
    lines += [f"{answer.prior} {answer.decision_rule}", RESEARCH_ONLY]
    return "\n".join(lines)
