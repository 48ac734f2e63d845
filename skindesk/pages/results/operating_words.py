"""What is said of an operating point and of what it leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from skindesk.widgets.quantities import lesions_counted
from trainer.dataset.classes.names import full_name, in_sentence
from trainer.metrics.intervals import Interval
from trainer.predictions import MALIGNANT
from trainer.wording import NOTHING, chosen_percent, ends, percent

if TYPE_CHECKING:
    from skindesk.models.runs.operating import Proposal, TargetBasis
    from trainer.metrics.benefit import PredictiveValues
    from trainer.metrics.counts import Count
    from trainer.metrics.operating import (
        Consequences,
        NotDeterminable,
        OperatingPoint,
        PointOutcome,
    )


def tr(text: str) -> str:
    """Return a text of this view in the language of the program."""
    return QCoreApplication.translate("operating", text)


def target_title(name: str) -> str:
    """Return what a target is called in the list to choose from."""
    return tr("All malignant classes together") if name == MALIGNANT else full_name(name)


def target_lesions(name: str, count: int) -> str:
    """Return "132 malignant lesions", "69 lesions of melanoma"."""
    if name == MALIGNANT:
        words = tr("malignant lesion") if count == 1 else tr("malignant lesions")
        return f"{count:,} {words}"
    return tr("{lesions} of {name}").format(lesions=lesions_counted(count), name=in_sentence(name))


def refusal(name: str, refused: NotDeterminable) -> str:
    """Say why a sensitivity cannot be asserted."""
    if not refused.lesions:
        return tr(
            "{wanted} is not determinable with {lesions}: none is among the validation images set aside. Set a larger "
            "share aside and train again."
        ).format(wanted=chosen_percent(refused.sensitivity), lesions=target_lesions(name, 0))
    return tr(
        "{wanted} is not determinable with {lesions} in the set-aside part of validation. Asserting it with 95 % "
        "confidence takes {needed}, even if none is missed; with these, at most {most} can be asserted. Choose a "
        "lower sensitivity, or a point on the curve."
    ).format(
        wanted=chosen_percent(refused.sensitivity),
        lesions=target_lesions(name, refused.lesions),
        needed=f"{refused.needed:,}",
        most=percent(refused.most),
    )


def saved_line(saved: OperatingPoint) -> str:
    """Say which point is saved."""
    return tr("Saved: {target}, {sensitivity} sensitivity, flagged from {threshold} on").format(
        target=tr("malignant") if saved.target.name == MALIGNANT else in_sentence(saved.target.name),
        sensitivity=chosen_percent(saved.sensitivity),
        threshold=percent(saved.threshold),
    )


def explanation(basis: TargetBasis, proposal: Proposal, tested: PointOutcome | None = None) -> str:
    """Say in sentences what a choice leads to on the lesions set aside.

    Args:
        basis: what it was chosen from.
        proposal: the choice.
        tested: what it led to on the test part, if it was scored there.
    """
    point, found = proposal.point, proposal.found
    if point is None or found is None:
        return ""
    name = basis.target.name
    asserted = tr(
        "With 95 % confidence the sensitivity for new lesions from the same source is at least {asserted}. "
        "Images of one lesion count together."
    ).format(asserted=chosen_percent(point.sensitivity))
    if tested is not None:
        seen = _filled_in(
            tr(
                "On the test part, {missed} of {lesions} were missed and {flagged} of {others} other lesions flagged."
            ),
            name,
            tested.found,
        )
    else:
        seen = tr(
            "The threshold was chosen on these lesions. Save it and score the test part to see what it does on others."
        )
    set_aside = _filled_in(
        tr(
            "On the validation lesions set aside, {missed} of {lesions} would be missed and {flagged} of {others} other "
            "lesions flagged."
        ),
        name,
        found,
    )
    return f"{set_aside} {asserted} {seen}"


def _filled_in(sentence: str, name: str, found: Consequences) -> str:
    return sentence.format(
        missed=_counted(found.missed),
        lesions=target_lesions(name, found.missed.of),
        flagged=_counted(found.flagged),
        others=f"{found.flagged.of:,}",
    )


def _counted(count: Count) -> str:
    interval = count.interval
    if count.share is None or interval is None:
        return f"{count.count:,}"
    return f"{count.count:,} ({percent(count.share)}, {ends(interval.low, interval.high)})"


def at_prevalence(name: str, values: PredictiveValues) -> str:
    """Say what a flag means at a prevalence, and what that assumes."""
    return tr(
        "At this prevalence, of 1,000 lesions {flagged} are flagged and {missed} ({low}–{high}) {target} are missed, if "
        "sensitivity and the share of other lesions flagged are as measured here."
    ).format(
        flagged=f"{values.flagged:,.0f}",
        missed=f"{values.missed:,.1f}",
        low=f"{values.missed_interval.low:,.1f}",
        high=f"{values.missed_interval.high:,.1f}",
        target=tr("malignant ones") if name == MALIGNANT else tr("of {name}").format(name=in_sentence(name)),
    )


def about_prevalence(assumed: float) -> str:
    """Say what the prevalence that is filled in stands for."""
    return tr(
        "{share} is the share among the training images. These were selected, so it is not the prevalence of a clinic; "
        "enter yours."
    ).format(share=percent(assumed))


def with_ends(share: float | None, interval: Interval | None) -> tuple[str, str]:
    """Return a share and its interval in brackets, for a tile."""
    if share is None:
        return NOTHING, ""
    return percent(share), "" if interval is None else f"({ends(interval.low, interval.high)})"


def complement(interval: Interval) -> Interval:
    """Return the interval of the share for which something does not hold."""
    return Interval(1.0 - interval.high, 1.0 - interval.low)
