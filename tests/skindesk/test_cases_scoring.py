"""How a network did on confirmed cases: counted by case, judged by lesion, by each network apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from skindesk.models.cases.reading import OpenedCase
from skindesk.models.cases.record import CaseState, CaseSummary, SavedNetwork
from skindesk.models.cases.scoring import results_of
from skindesk.models.diagnosis.patient import NOBODY
from tests.skindesk.saved_cases import NETWORK, new_case
from trainer.metrics.rates import rate_estimates
from trainer.predictions import AppliedPoint


def confirmed(
    lesion: str, truth: str, predicted: str, network: SavedNetwork | None = NETWORK, how: str = "histo"
) -> OpenedCase:
    diagnosis = msgspec.structs.replace(new_case([Path("a.png")], predicted).diagnosis, network=network)
    state = CaseState(lesion=lesion, confirmed_class=truth, confirmed_by=how)
    summary = CaseSummary(
        number=1,
        case_id=lesion,
        revision=1,
        saved_at="",
        images=1,
        predicted=predicted,
        predicted_malignant=False,
        probability=0.6,
        malignant=0.8,
        unreliable=False,
        above_threshold=None,
        bundle_hash="",
        bundle_name="",
        patient=NOBODY,
        state=state,
        text="",
    )
    return OpenedCase(summary, diagnosis, Path(), {})


def test_rates_are_those_of_the_library_by_lesion() -> None:
    cases = [confirmed(f"m{number}", "mel", "mel" if number % 3 else "nv") for number in range(12)]
    cases += [confirmed("m0", "mel", "bcc")]  # the first lesion again
    cases += [confirmed(f"n{number}", "nv", "nv") for number in range(5)]
    (result,) = results_of(cases)
    assert (result.cases, result.lesions) == (18, 17)
    assert result.confirmed_by == {"histo": 17}
    hits, trials = np.zeros((17, 1)), np.zeros((17, 1))
    for case in cases[:13]:
        place = int(case.summary.state.lesion[1:])
        trials[place] += 1
        hits[place] += case.diagnosis.decision.predicted in NETWORK.marks.malignant
    estimates = rate_estimates(hits, trials)
    sensitivity = result.sensitivity
    assert (sensitivity.hits, sensitivity.cases, sensitivity.lesions) == (9, 13, 12)
    assert (sensitivity.value, sensitivity.low, sensitivity.high) == pytest.approx(
        (estimates.value[0], estimates.low[0], estimates.high[0])
    )
    assert result.specificity.value == 1.0
    assert result.specificity.low < 0.6  # of five
    assert (result.recalls["mel"].hits, result.recalls["nv"].hits) == (8, 5)
    assert "bcc" not in result.recalls


def test_cases_of_one_lesion_tell_less_than_as_many_lesions() -> None:
    (apart,) = results_of([confirmed(f"{number}", "mel", "mel") for number in range(10)])
    (alike,) = results_of([confirmed(f"{number % 2}", "mel", "mel") for number in range(10)])
    assert (apart.accuracy.value, alike.accuracy.value) == (1.0, 1.0)
    assert alike.accuracy.low < apart.accuracy.low
    assert (apart.accuracy.lesions, alike.accuracy.lesions) == (10, 2)


def test_networks_are_judged_apart_and_classes_they_do_not_know_are_left_out() -> None:
    other = msgspec.structs.replace(NETWORK, bundle_hash="ba9876543210", name="Second network")
    cases = [
        confirmed("1", "mel", "mel"),
        confirmed("2", "wart", "nv"),
        confirmed("3", "nv", "nv", other),
        confirmed("4", "nv", "nv", other, "consensus"),
        confirmed("5", "nv", "nv", None),  # no network was asked
    ]
    second, first = results_of(cases)
    assert (second.network.name, second.cases, second.unknown) == ("Second network", 2, {})
    assert second.confirmed_by == {"histo": 1, "consensus": 1}
    assert (first.cases, first.lesions, first.unknown) == (1, 1, {"wart": 1})
    assert first.specificity.cases == 0


def test_a_network_none_of_whose_cases_counts_has_no_rates() -> None:
    (result,) = results_of([confirmed("1", "wart", "nv")])
    assert result.cases == 0
    assert result.accuracy == (0.0, 0.0, 1.0, 0, 0, 0)


def test_what_is_unlike_the_training_images_counts_and_is_counted() -> None:
    case = confirmed("1", "mel", "mel")
    image = case.diagnosis.images[0]
    flagged = msgspec.structs.replace(image.prediction, in_distribution=False)
    diagnosis = msgspec.structs.replace(
        case.diagnosis, images=(msgspec.structs.replace(image, prediction=flagged),)
    )
    (result,) = results_of([replace(case, diagnosis=diagnosis), confirmed("2", "mel", "mel")])
    assert (result.cases, result.unreliable) == (2, 1)


def test_an_operating_point_is_judged_on_the_cases_saved_with_it() -> None:
    def with_point(case: OpenedCase, probability: float, threshold: float) -> OpenedCase:
        image = case.diagnosis.images[0]
        point = AppliedPoint(target="mel", probability=probability, threshold=threshold, sensitivity=0.9)
        told = msgspec.structs.replace(image.prediction, operating_point=point)
        images = (msgspec.structs.replace(image, prediction=told),)
        return replace(case, diagnosis=msgspec.structs.replace(case.diagnosis, images=images))

    cases = [
        with_point(confirmed("1", "mel", "nv"), 0.9, 0.5),  # another point
        with_point(confirmed("2", "mel", "nv"), 0.3, 0.2),
        with_point(confirmed("3", "mel", "nv"), 0.1, 0.2),
        with_point(confirmed("4", "bcc", "nv"), 0.1, 0.2),
        with_point(confirmed("5", "nv", "nv"), 0.3, 0.2),
        confirmed("6", "mel", "nv"),
    ]
    (result,) = results_of(cases)
    assert result.point is not None
    assert result.point.threshold == 0.2
    assert (result.flagged.hits, result.flagged.cases) == (1, 2)
    assert (result.passed.hits, result.passed.cases) == (1, 2)
