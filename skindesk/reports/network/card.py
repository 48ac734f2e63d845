"""The card of a network: on whom it was tested, what it was never shown, and what its flag rests on.

After model cards (Mitchell et al. 2019, doi:10.1145/3287560.3287596). Skin tones are not tabulated: datasets seldom
record them, and methods that estimate them from pixels disagree.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skindesk.reports.network.tested import tested_sentences
from skindesk.reports.words import confirmation, listed, tr
from trainer.dataset.classes.names import full_name
from trainer.errors import TrainerError
from trainer.metrics.catalogue import ACCURACY
from trainer.metrics.choosing import shown_classes
from trainer.metrics.subgroups import FEWEST_GROUPS
from trainer.reference.novelty import FLAGGED_SHARE
from trainer.reference.reference import read_reference
from trainer.wording import NOTHING, chosen_percent, counted, n_of, percent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trainer.metrics.subgroups import Rate, Subgroup, SubgroupFigures
    from trainer.reference.reference import Reference
    from trainer.runs.bundle import Manifest
    from trainer.runs.summary import Report, RunSummary

_MOST_NAMED = 12
"""Subgroups without figures that a sentence names."""


@dataclass(frozen=True)
class RateWords:
    """A rate as it is shown.

    Attributes:
        value: with its 95 % interval, or a dash.
        n: images it rests on; empty where there is no rate.
    """

    value: str
    n: str


@dataclass(frozen=True)
class SubgroupRow:
    """A row of a table of subgroups."""

    name: str
    images: str
    accuracy: RateWords
    malignant: RateWords
    others: RateWords


@dataclass(frozen=True)
class SubgroupTable:
    """How the network does by one fact of the test images.

    Attributes:
        title: the fact.
        rows: of the subgroups that are large enough.
        notes: sentences on the others.
    """

    title: str
    rows: tuple[SubgroupRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ModelCard:
    """What a report says of a network besides its figures over all test images.

    Attributes:
        tables: figures by age group, sex and site.
        missing: why there are none, a sentence; else empty.
        tested: what flags, operating point and prediction sets did on the test part, sentences.
        limits: sentences on what the network was never shown or tested on.
        flag: how images of another kind are told, a sentence.
        knows_images: whether the bundle knows its training images, so that others can be told from them.
        trained_on: images of each class it learned from, a phrase.
        confirmed, confirmed_malignant: how the diagnoses of its training images were confirmed, of all and of those of
            malignant classes, a phrase; empty where not known.
    """

    tables: tuple[SubgroupTable, ...] = ()
    missing: str = ""
    tested: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    flag: str = ""
    knows_images: bool = True
    trained_on: str = ""
    confirmed: str = ""
    confirmed_malignant: str = ""


def model_card(bundle: Path, manifest: Manifest, run: RunSummary, test: Report | None) -> ModelCard:
    """Gather the card of a bundle's network.

    Args:
        bundle: its folder.
        manifest: of it.
        run: that it comes from.
        test: what it scored on the test part; `None` where it was not scored.
    """
    try:
        reference, problem = read_reference(bundle, manifest), ""
    except TrainerError as error:
        reference, problem = None, str(error)
    figures = _figures(run, test, manifest) if test is not None else ()
    return ModelCard(
        tables=tuple(map(_table, figures)),
        missing="" if figures else _why_missing(test),
        tested=tested_sentences(test.metrics) if test is not None else (),
        limits=tuple(_limits(manifest)),
        flag=problem or _flag_sentence(reference),
        knows_images=reference is not None,
        trained_on=_trained_on(manifest),
        confirmed=_confirmed(reference, manifest.classes, manifest.classes) if reference is not None else "",
        confirmed_malignant=_confirmed(reference, manifest.malignant, manifest.classes)
        if reference is not None
        else "",
    )


def _figures(run: RunSummary, test: Report, manifest: Manifest) -> tuple[SubgroupFigures, ...]:
    """Return the figures of a report; those that an older one lacks are counted if its dataset is at hand."""
    if test.metrics.subgroups or run.dataset_path is None or not run.dataset_path.is_file():
        return test.metrics.subgroups
    from trainer.dataset.store import DatasetStore
    from trainer.runs.reports import read_predictions
    from trainer.runs.subgroups import figures_by_fact

    try:
        table = read_predictions(test.folder)
        with DatasetStore.open(run.dataset_path, read_only=True) as store:
            if store.fingerprint() != test.dataset_fingerprint:
                return ()
            return figures_by_fact(table, store.frame(test.part), manifest.malignant)
    except TrainerError:  # the report does without
        return ()


def _why_missing(test: Report | None) -> str:
    if test is None:
        return tr("There are no figures by age, sex or site, since the test part was not scored.")
    return tr("There are no figures by age, sex or site: they are not known of the test images.")


def _table(figures: SubgroupFigures) -> SubgroupTable:
    return SubgroupTable(
        title={"age": tr("Age, years"), "sex": tr("Sex"), "site": tr("Site")}.get(figures.fact, figures.fact),
        rows=tuple(map(_row, figures.subgroups)),
        notes=tuple(_notes(figures)),
    )


def _row(subgroup: Subgroup) -> SubgroupRow:
    return SubgroupRow(
        name=subgroup.name,
        images=tr("{images} in {groups}").format(
            images=counted(subgroup.images, tr("image"), tr("images")),
            groups=counted(subgroup.groups, tr("lesion"), tr("lesions")),
        ),
        accuracy=_rate(subgroup.accuracy),
        malignant=_rate(subgroup.malignant),
        others=_rate(subgroup.others),
    )


def _rate(rate: Rate | None) -> RateWords:
    if rate is None:
        return RateWords(NOTHING, "")
    return RateWords(ACCURACY.with_interval(rate.share, rate.interval), n_of(rate.images))


def _notes(figures: SubgroupFigures) -> Iterable[str]:
    if figures.too_small:
        names = list(figures.too_small[:_MOST_NAMED])
        if len(figures.too_small) > _MOST_NAMED:
            names.append(tr("{0} others").format(len(figures.too_small) - _MOST_NAMED))
        yield tr("Fewer than {n} lesions, so no figures: {names}.").format(
            n=FEWEST_GROUPS, names=listed(names)
        )
    if figures.unknown:
        yield tr("Not known of {images}.").format(images=counted(figures.unknown, tr("image"), tr("images")))


def _limits(manifest: Manifest) -> Iterable[str]:
    if manifest.split.drawn:
        yield tr("It has never seen real skin: all images of its dataset are drawings.")
    yield tr(
        "It knows {n} classes and assigns one of them to every image. A lesion of any other kind can look like one of "
        "them without being told apart."
    ).format(n=len(manifest.classes))
    yield tr(
        "Unless its dataset holds such images, it was never shown clinical photographs (taken without a dermatoscope), "
        "normal skin, other skin diseases, or images from other devices and clinics. How it does on them was not "
        "measured."
    )
    yield tr(
        "Skin tones beyond those of its dataset were not tested. SkinDesk does not estimate skin tones from pixels, "
        "since methods for this disagree."
    )


def _flag_sentence(reference: Reference | None) -> str:
    if reference is None:
        return tr(
            "This bundle does not know the images its network learned from, so nothing tells images of another kind: "
            "any picture gets an answer."
        )
    novelty = reference.novelty
    if not math.isfinite(novelty.threshold):
        return tr(
            "Only {images} could be set aside, too few for a threshold: no image is reported as unlike the training "
            "images, only as too poor to rely on an answer."
        ).format(images=counted(novelty.n, tr("validation image"), tr("validation images")))
    return tr(
        "An image counts as unlike the training images if its novelty score is above {threshold}, which {share} of new "
        "images from the same source are expected to be. This threshold was set on {images}. Images of poor quality are "
        "reported as well."
    ).format(
        threshold=f"{novelty.threshold:.2f}",
        images=counted(novelty.n, tr("validation image"), tr("validation images")),
        share=chosen_percent(FLAGGED_SHARE),
    )


def _trained_on(manifest: Manifest) -> str:
    counts = manifest.split.classes.get("train", {})
    shown = shown_classes(manifest.classes, counts)
    words = [f"{full_name(name)} {counts.get(name, 0):,}" for name in shown]
    if len(shown) < len(manifest.classes):
        words.append(tr("{0} others").format(len(manifest.classes) - len(shown)))
    return ", ".join(words)


def _confirmed(reference: Reference, of: tuple[str, ...], classes: tuple[str, ...]) -> str:
    """Say how the diagnoses of training images of some classes were confirmed, the most frequent way first."""
    wanted = {classes.index(name) for name in of}
    training = reference.training
    ways = Counter(
        way for way, truth in zip(training.confirmed, training.truth, strict=True) if int(truth) in wanted
    )
    total = ways.total()
    unknown = ways.pop("", 0)
    if not ways:
        return ""
    words = [f"{confirmation(way)} {percent(count / total)}" for way, count in ways.most_common(_MOST_NAMED)]
    if unknown:
        words.append(tr("not known {share}").format(share=percent(unknown / total)))
    return ", ".join(words)
