from __future__ import annotations

import numpy as np
import pytest

from trainer.errors import ConfigError
from trainer.metrics.benefit import decision_curve, predictive_values, reweighted
from trainer.metrics.counts import Count, count_of
from trainer.metrics.crossfitting import FOLDS, SetAside, cross_fit
from trainer.metrics.decision import Calibration, calibrated_probabilities
from trainer.metrics.operating import (
    Consequences,
    Lesions,
    NotDeterminable,
    OperatingPoint,
    Target,
    asserted_sensitivities,
    choose_point,
    combined,
    consequences,
    lesions_needed,
    lesions_of,
    point_missing,
    roc,
    target_of,
)
from trainer.wording import plain

CLASSES = ("bcc", "mel", "nv")
TARGET = Target(name="malignant", classes=("bcc", "mel"))


def lesions(target: list[float], others: list[float]) -> Lesions:
    """Lesions that each are a group of their own."""
    probability = np.array([*target, *others])
    of_target = np.arange(len(probability)) < len(target)
    return Lesions(probability, of_target, np.arange(len(probability)))


def calibration(**changes: float) -> Calibration:
    third = dict.fromkeys(CLASSES, 1 / 3)
    return Calibration(
        classes=CLASSES,
        temperature=changes.get("temperature", 1.0),
        bias=dict.fromkeys(CLASSES, 0.0),
        prior=third,
        decision_weights=third,
        fitted=changes.get("fitted", 0.0) > 0,
    )


def test_29_59_and_149_lesions_are_needed_for_90_95_and_98_percent() -> None:
    assert [lesions_needed(s) for s in (0.90, 0.95, 0.98)] == [29, 59, 149]


def test_what_is_asserted_is_the_exact_binomial_bound() -> None:
    # With 59 lesions of which none is missed: 0.05 ** (1 / 59); with 1 missed of 10: Clopper and Pearson's 60.6 %.
    assert asserted_sensitivities(59)[0] == pytest.approx(0.05 ** (1 / 59))
    assert asserted_sensitivities(10)[1] == pytest.approx(0.6058, abs=1e-4)
    assert np.all(np.diff(asserted_sensitivities(40)) < 0)


@pytest.mark.parametrize(("n", "sensitivity"), [(28, 0.90), (58, 0.95), (148, 0.98), (0, 0.9)])
def test_with_a_lesion_too_few_a_sensitivity_is_not_determinable(n: int, sensitivity: float) -> None:
    found = choose_point(lesions([0.5] * n, [0.1]), TARGET, sensitivity)
    assert isinstance(found, NotDeterminable)
    assert f"not determinable with {n} lesions" in found.words
    assert f"takes {found.needed:,} lesions" in found.words


def test_with_just_enough_lesions_none_of_them_is_missed() -> None:
    found = choose_point(lesions([0.2, *np.linspace(0.3, 0.9, 28)], [0.1]), TARGET, 0.90)
    assert isinstance(found, OperatingPoint)
    assert (found.threshold, found.missed, found.lesions) == (0.2, 0, 29)


def test_the_threshold_is_the_highest_that_keeps_the_sensitivity() -> None:
    # Of 46 lesions one may be missed at 90 %, of 45 none: binomial(46, 0.1) is 1 or less in 4.8 % of cases.
    probabilities = list(np.linspace(0.1, 0.9, 46))
    with_46 = choose_point(lesions(probabilities, [0.05]), TARGET, 0.90)
    with_45 = choose_point(lesions(probabilities[:45], [0.05]), TARGET, 0.90)
    assert isinstance(with_46, OperatingPoint)
    assert isinstance(with_45, OperatingPoint)
    assert (with_46.missed, with_46.threshold) == (1, pytest.approx(probabilities[1]))
    assert (with_45.missed, with_45.threshold) == (0, pytest.approx(probabilities[0]))


def test_a_sensitivity_is_kept_in_95_of_100_draws() -> None:
    # Probabilities of the target are uniform, so that a threshold t has a sensitivity of 1 - t.
    generator = np.random.default_rng(0)
    kept = []
    for _ in range(2000):
        found = choose_point(lesions(list(generator.random(80)), [0.5]), TARGET, 0.90)
        assert isinstance(found, OperatingPoint)
        kept.append(1.0 - found.threshold >= 0.90)
    assert 0.95 <= np.mean(kept) < 0.99


def test_lesions_of_one_probability_are_flagged_together() -> None:
    found = point_missing(lesions([0.2, 0.4, 0.4, 0.9], [0.1]), TARGET, 2)
    assert (found.threshold, found.missed) == (0.4, 1)
    # Clopper and Pearson's lower bound for 2 missed of 4, rounded down.
    assert found.sensitivity == 0.097


@pytest.mark.parametrize("sensitivity", [0.0, 1.0, 95.0])
def test_a_sensitivity_that_is_no_share_is_refused(sensitivity: float) -> None:
    with pytest.raises(ConfigError, match="above 0 and below 1"):
        choose_point(lesions([0.5] * 60, [0.1]), TARGET, sensitivity)


def test_a_target_is_all_malignant_classes_or_one_class() -> None:
    assert target_of("malignant", CLASSES, ("bcc", "mel")) == TARGET
    assert target_of("nv", CLASSES, ()).classes == ("nv",)
    assert target_of("malignant", ("benign", "malignant"), ()).classes == ("malignant",)
    with pytest.raises(ConfigError, match="No class of this network is marked malignant"):
        target_of("malignant", CLASSES, ())
    with pytest.raises(ConfigError, match="no class 'scc'; choose malignant or one of bcc, mel, nv"):
        target_of("scc", CLASSES, ("mel",))


def test_images_of_a_lesion_count_together_by_their_mean_logits() -> None:
    logits = np.array([[0.0, 4.0, 0.0], [0.0, 0.0, 2.0], [1.0, 0.0, 0.0], [0.0, 0.0, 9.0]])
    # The patient of the last two images has a melanoma and a nevus.
    found = combined(logits, np.array([1, 1, 1, 2]), ["a", "a", "b", "b"])
    assert found.groups == ("a", "b", "b")
    assert found.truth.tolist() == [1, 1, 2]
    assert found.logits[0].tolist() == [0.0, 2.0, 1.0]


def test_consequences_are_counted_by_lesion_with_intervals_that_count_groups() -> None:
    both = lesions([0.05, 0.2, 0.3, 0.9], [0.01, 0.02, 0.3, 0.05])
    found = consequences(both, 0.2)
    assert (found.missed.count, found.missed.of) == (1, 4)
    assert (found.flagged.count, found.flagged.of) == (1, 4)
    alone = found.missed.interval
    together = consequences(both._replace(groups=np.array([0, 0, 1, 1, 2, 3, 4, 5])), 0.2).missed.interval
    assert alone is not None
    assert together is not None
    assert together.high - together.low > alone.high - alone.low
    assert plain(Count(count=1, of=40).words) == "1 of 40 (2.5 %)"
    assert count_of([], np.array([], dtype=np.int64)) == Count(count=0, of=0)


def test_the_probability_of_a_target_is_the_sum_of_its_classes() -> None:
    found = combined(np.zeros((2, 3)), np.array([0, 2]), ["a", "b"])
    scored = lesions_of(np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]), found, CLASSES, TARGET)
    assert scored.probability.tolist() == pytest.approx([0.5, 0.2])
    assert scored.of_target.tolist() == [True, False]


def test_the_roc_curve_has_a_corner_for_each_lesion_of_the_target() -> None:
    curve = roc(lesions([0.2, 0.4, 0.4, 0.9], [0.1, 0.2, 0.3, 0.5]))
    assert curve.threshold.tolist() == [0.2, 0.4, 0.4, 0.9]
    assert curve.sensitivity.tolist() == [1.0, 0.75, 0.75, 0.25]
    assert curve.flagged.tolist() == [0.75, 0.25, 0.25, 0.0]


def test_predictive_values_at_a_prevalence_follow_bayes() -> None:
    # Sensitivity 0.9, 20 % of the others flagged, prevalence 1 %: 9 of 207 flagged are of the target.
    found = Consequences(
        missed=count_of(np.arange(100) < 10, np.arange(100)),
        flagged=count_of(np.arange(200) < 40, np.arange(200)),
    )
    values = predictive_values(found, 0.01)
    assert values is not None
    assert values.positive == pytest.approx(0.009 / (0.009 + 0.198))
    assert values.negative == pytest.approx(0.792 / (0.792 + 0.001))
    assert (values.flagged, values.missed) == (pytest.approx(207.0), pytest.approx(1.0))


def test_intervals_of_predictive_values_hold_the_truth() -> None:
    generator = np.random.default_rng(1)
    held = []
    for _ in range(400):
        missed, flagged = generator.random(60) < 0.1, generator.random(200) < 0.3
        found = Consequences(
            missed=count_of(missed, np.arange(60)), flagged=count_of(flagged, np.arange(200))
        )
        values = predictive_values(found, 0.2)
        assert values is not None
        assert values.positive_interval is not None
        assert values.negative_interval is not None
        held.append(
            (
                values.positive_interval.low <= 0.18 / (0.18 + 0.24) <= values.positive_interval.high,
                values.negative_interval.low <= 0.56 / (0.56 + 0.02) <= values.negative_interval.high,
            )
        )
    assert np.mean(held, axis=0).min() > 0.92


def test_values_without_a_flag_or_without_lesions_are_not_defined() -> None:
    nothing, some = Count(count=0, of=0), count_of([False] * 5, np.arange(5))
    assert predictive_values(Consequences(missed=nothing, flagged=some), 0.2) is None
    all_missed = count_of([True] * 5, np.arange(5))
    values = predictive_values(Consequences(missed=all_missed, flagged=some), 0.2)
    assert values is not None
    assert values.positive is None
    assert values.negative == pytest.approx(0.8)
    none_missed = predictive_values(Consequences(missed=some, flagged=some), 0.2)
    assert none_missed is not None
    assert none_missed.positive_interval is not None
    assert (none_missed.positive, none_missed.positive_interval.high) == (1.0, 1.0)


def test_net_benefit_weighs_finds_against_examinations_for_nothing() -> None:
    both = lesions([0.2, 0.6, 0.7, 0.9], [0.1, 0.1, 0.1, 0.3])
    curve = decision_curve(both, 0.25, prevalence=0.2, assumed=0.2)
    assert curve is not None
    at = int(np.argmin(np.abs(curve.threshold - 0.2)))
    # From 20 % on, 4 examinations for nothing are worth 1 find; all four are found and 1 of 4 others is examined.
    assert curve.network[at] == pytest.approx(0.2 - 0.8 * 0.25 * 0.25)
    assert curve.point[at] == pytest.approx(0.2 * 0.75 - 0.8 * 0.25 * 0.25)
    assert curve.everything[at] == pytest.approx(0.2 - 0.8 * 0.25)
    assert curve.everything[0] == curve.network[0] == pytest.approx(0.2)


def test_probabilities_are_reweighted_to_the_prevalence_of_the_decision_curve() -> None:
    assert reweighted(np.array([0.5, 0.0, 1.0]), prevalence=0.01, assumed=0.5).tolist() == pytest.approx(
        [0.01, 0.0, 1.0]
    )
    assert decision_curve(lesions([], [0.1]), 0.5, prevalence=0.2, assumed=0.2) is None


def test_images_set_aside_are_calibrated_without_their_group() -> None:
    generator = np.random.default_rng(2)
    truth = generator.integers(0, 3, 300)
    logits = 3.0 * np.eye(3)[truth] + generator.normal(size=(300, 3))
    groups = tuple(f"lesion {k // 2}" for k in range(300))
    aside = SetAside(logits, truth, groups)
    fitted = cross_fit(aside, calibration(fitted=1.0), np.full(3, 1 / 3))
    assert len(fitted.calibrations) == FOLDS
    for fold, one in enumerate(fitted.calibrations):
        rows = [fitted.fold_of[group] != fold for group in groups]
        assert one.n == sum(rows)
    sizes = np.bincount(list(fitted.fold_of.values()))
    assert sizes.max() - sizes.min() <= 1
    assert fitted.probabilities(logits, groups).sum(axis=1) == pytest.approx(np.ones(300))


def test_where_nothing_was_fitted_the_calibration_is_the_bundles() -> None:
    aside = SetAside(np.eye(3), np.arange(3), ("a", "b", "c"))
    plain_one = calibration(temperature=2.0)
    fitted = cross_fit(aside, plain_one, np.full(3, 1 / 3))
    np.testing.assert_array_equal(
        fitted.probabilities(aside.logits, aside.groups), calibrated_probabilities(aside.logits, plain_one)
    )
