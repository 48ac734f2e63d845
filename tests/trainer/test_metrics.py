from __future__ import annotations

import subprocess
import sys

import msgspec
import numpy as np
import pytest
from scipy.stats import norm
from sklearn import metrics as reference

from trainer.errors import DatasetError, TrainerError
from trainer.metrics.areas import area_estimates, perfect_area_bound
from trainer.metrics.classification import Metrics, compute_metrics, epoch_metrics
from trainer.metrics.intervals import Estimates, mean_interval
from trainer.metrics.rates import (
    confusion_estimates,
    design_effect,
    rate_ends,
    rate_estimates,
    wilson_ends,
)
from trainer.metrics.reliability import reliability
from trainer.metrics.resampling import (
    percentile_interval,
    recentred_interval,
    resampled_counts,
    resampled_means,
)
from trainer.metrics.table import summary

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
PRIOR = np.array([0.033, 0.051, 0.11, 0.012, 0.111, 0.669, 0.014])


def predictions(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw truth (n,), probabilities (n, 7), predicted (n,) and groups (n,) of about two images each."""
    generator = np.random.default_rng(seed)
    truth = generator.choice(len(CLASSES), size=n, p=PRIOR)
    truth[: len(CLASSES)] = np.arange(len(CLASSES))
    scores = generator.normal(size=(n, len(CLASSES))) + 1.5 * np.eye(len(CLASSES))[truth]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    groups = np.array([f"g{index}" for index in generator.integers(0, n // 2, size=n)])
    return truth, probabilities, scores.argmax(axis=1), groups


def test_a_case_computed_by_hand() -> None:
    truth = [0, 0, 0, 0, 1, 1, 2, 2]
    predicted = [0, 0, 0, 1, 1, 0, 2, 2]
    probabilities = np.eye(3)[predicted] * 0.7 + 0.1
    result = compute_metrics(truth, probabilities, predicted, ("a", "b", "c"), list("stuvwxyz"), bootstrap=0)

    assert result.n == 8
    assert result.groups == 8
    assert result.confusion_matrix == [[3, 1, 0], [1, 1, 0], [0, 0, 2]]
    assert result.accuracy == pytest.approx(6 / 8)
    assert result.balanced_accuracy == pytest.approx((0.75 + 0.5 + 1) / 3)
    assert result.macro_recall == result.balanced_accuracy
    assert result.macro_precision == pytest.approx((0.75 + 0.5 + 1) / 3)
    assert result.weighted_recall == pytest.approx(6 / 8)
    row = result.per_class["b"]
    assert (row.precision, row.recall, row.f1, row.support) == (0.5, 0.5, 0.5, 2)
    # Its images have 0.8 and 0.1, the six others 0.8 once and 0.1 five times; a tie is half a pair.
    assert row.roc_auc == pytest.approx((0.5 + 5 + 5 * 0.5) / 12)
    assert result.ece == pytest.approx(abs(6 / 8 - 0.8))
    assert result.log_loss == pytest.approx(-(6 * np.log(0.8) + 2 * np.log(0.1)) / 8)
    assert result.brier == pytest.approx((6 * (0.04 + 0.01 + 0.01) + 2 * (0.64 + 0.81 + 0.01)) / 8)
    assert result.intervals == {}


def test_agrees_with_scikit_learn() -> None:
    truth, probabilities, predicted, groups = predictions(800)
    result = compute_metrics(truth, probabilities, predicted, CLASSES, groups, bootstrap=0)

    assert result.accuracy == pytest.approx(reference.accuracy_score(truth, predicted))
    assert result.balanced_accuracy == pytest.approx(reference.balanced_accuracy_score(truth, predicted))
    for average in ("macro", "weighted"):
        for name, function in (
            ("precision", reference.precision_score),
            ("recall", reference.recall_score),
            ("f1", reference.f1_score),
        ):
            expected = function(truth, predicted, average=average)
            assert getattr(result, f"{average}_{name}") == pytest.approx(expected)
    area = reference.roc_auc_score(truth, probabilities, multi_class="ovr", average="macro")
    assert result.macro_roc_auc == pytest.approx(area)
    assert result.log_loss == pytest.approx(reference.log_loss(truth, probabilities))
    assert result.confusion_matrix == reference.confusion_matrix(truth, predicted).tolist()


def test_every_replicate_is_the_metric_of_the_drawn_images() -> None:
    truth, probabilities, _, groups = predictions(120, seed=3)
    names, index = np.unique(groups, return_inverse=True)
    counts = np.concatenate(list(resampled_counts(len(names), replicates=8, seed=5)))
    losses = {"log_loss": -np.log(probabilities[np.arange(len(truth)), truth])}
    result = resampled_means(truth, probabilities, index, losses=losses, counts=[counts[:3], counts[3:]])

    for replicate, drawn in enumerate(counts):
        images = np.repeat(np.arange(len(truth)), drawn[index].astype(int))
        expected = reliability(truth[images], probabilities[images]).ece
        assert result["ece"][replicate] == pytest.approx(expected)
        assert result["log_loss"][replicate] == pytest.approx(losses["log_loss"][images].mean())


def test_estimates_agree_with_scikit_learn() -> None:
    truth, probabilities, predicted, groups = predictions(300)
    probabilities = probabilities.round(1) + 0.001  # many ties
    index = np.unique(groups, return_inverse=True)[1]
    found = confusion_estimates(truth, predicted, index, len(CLASSES))
    expected = reference.precision_recall_fscore_support(truth, predicted, labels=range(7), zero_division=0)
    for estimates, values in zip((found.precision, found.recall, found.f1), expected, strict=False):
        np.testing.assert_allclose(estimates.value, values)
    assert found.accuracy.value == pytest.approx([(truth == predicted).mean()])
    areas = [reference.roc_auc_score(truth == one, probabilities[:, one]) for one in range(7)]
    np.testing.assert_allclose(area_estimates(truth, probabilities, index).value, areas)


# Newcombe 1998 (doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E), table I, method 3.
@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_has_the_published_ends(hits: int, trials: int, low: float, high: float) -> None:
    for successes, ends in ((hits, (low, high)), (trials - hits, (1 - high, 1 - low))):
        found = wilson_ends(np.array([successes / trials]), np.array([float(trials)]))
        assert np.array(found).ravel() == pytest.approx(ends, abs=5e-5)


def test_ends_near_0_and_1_allow_for_a_rare_event() -> None:
    # 0.05 = 1 - exp(-m) gives m = 0.0513: 6 of 7 goes with a rate of up to 1 - 0.0513 / 7.
    low, high = rate_ends(np.array([6 / 7]), np.array([7.0]))
    assert high[0] == pytest.approx(1 - 0.051293 / 7, abs=1e-6)
    assert low[0] == pytest.approx(wilson_ends(np.array([6 / 7]), np.array([7.0]))[0][0])


def test_design_effect_computed_by_hand() -> None:
    # 9 of 12 in groups of 2. Residuals 2 - 1.5, 1 - 1.5, 0 - 1.5: variance 6/5 (4 * 0.25 + 0.25 + 2.25) / 144.
    hits = np.array([[2.0], [2.0], [2.0], [2.0], [1.0], [0.0]])
    trials = np.full((6, 1), 2.0)
    seen = (6 / 5 * 3.5 / 144) / (0.75 * 0.25 / 11)
    assert design_effect(hits, trials) == pytest.approx([(10 * 2 + 6 * seen) / 16])
    assert design_effect(trials, trials) == pytest.approx(
        [2.0]
    )  # all right: nothing shows how alike they are
    assert design_effect(np.ones((6, 1)), trials) == pytest.approx(
        [20 / 16]
    )  # one of each two: as unlike as can be
    assert design_effect(hits / 2, np.ones((6, 1))) == pytest.approx([1.0])


@pytest.mark.parametrize(("right", "low"), [(4, 0.5101), (9, 0.7009)])
def test_perfect_rates_have_the_width_of_their_number(right: int, low: float) -> None:
    interval = rate_estimates(np.ones((right, 1)), np.ones((right, 1))).interval(0)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((low, 1.0), abs=5e-5)


def test_one_group_gives_no_interval() -> None:
    found = rate_estimates(np.array([[2.0, 1.0], [0.0, 1.0]]), np.array([[3.0, 1.0], [0.0, 1.0]]))
    assert found.interval(0) is None
    assert found.interval(1) is not None


def test_f1_interval_follows_the_jaccard_rate() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    predicted = np.array([0, 0, 0, 1, 0, 1, 1, 1])
    found = confusion_estimates(truth, predicted, np.arange(8), 2).f1
    low, high = 0.817691 / 5, 1 - 0.355362 / 5  # Poisson bounds: three events of one kind, two of the other
    assert found.value[0] == pytest.approx(0.75)
    assert found.low[0] == pytest.approx(2 * low / (1 + low), abs=1e-6)
    assert found.high[0] == pytest.approx(2 * high / (1 + high), abs=1e-6)


def test_interval_of_a_mean_computed_by_hand() -> None:
    residuals = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    groups = np.array([2, 2])
    apart = Estimates(np.array([0.5, 1.0]), np.array([0.2, 0.6]), np.array([0.8, 1.0]), residuals, groups)
    half = np.array([0.5, 0.5])
    interval = mean_interval(apart, half)
    assert (interval.low, interval.high) == pytest.approx((0.75 - 0.25, 0.75 + 0.15))
    together = mean_interval(apart._replace(residuals=residuals[:, [0, 0]]), half)
    assert (together.low, together.high) == pytest.approx((0.75 - 0.35, 0.75 + 0.15))
    opposed = mean_interval(apart._replace(residuals=residuals[:, [0, 0]] * [1, -1]), half)
    assert opposed == interval


# DeLong by hand: scores 3, 5, 2 of the class against 1, 4, 2. Placements 2/3, 1, 1/2; of the others 1, 1/3, 5/6.
def test_area_interval_rests_on_delongs_variance() -> None:
    scores = np.array([3.0, 5.0, 2.0, 1.0, 4.0, 2.0]) / 10
    truth = np.array([1, 1, 1, 0, 0, 0])
    found = area_estimates(truth, np.column_stack([1 - scores, scores]), np.arange(6))
    area = 13 / 18
    delong = (np.var([2 / 3, 1, 1 / 2], ddof=1) + np.var([1, 1 / 3, 5 / 6], ddof=1)) / 3
    hanley_mcneil = area * (1 - area) / 9 * (1 + 2 * ((1 - area) / (2 - area) + area / (1 + area)))
    reach = 1.959964 * np.sqrt((2 * delong + 10 * hanley_mcneil) / 12) / (area * (1 - area))
    logit = np.log(area / (1 - area))
    ends = 1 / (1 + np.exp(-(logit + np.array([-reach, reach]))))
    assert found.value == pytest.approx([area, area])
    assert (found.low[1], found.high[1]) == pytest.approx(tuple(ends))
    assert found.groups.tolist() == [3, 3]
    # The other class' area is the same one seen from the other side: both move together.
    mean = mean_interval(found, np.array([0.5, 0.5]))
    assert (mean.low, mean.high) == pytest.approx(tuple(ends))


def test_area_of_repeated_images_is_no_surer_than_of_one_each() -> None:
    generator = np.random.default_rng(0)
    truth = np.arange(400) % 2
    scores = norm.cdf(generator.normal(size=400) + truth)
    probabilities = np.column_stack([1 - scores, scores])
    once = area_estimates(truth, probabilities, np.arange(400))
    thrice = area_estimates(truth.repeat(3), probabilities.repeat(3, axis=0), np.arange(400).repeat(3))
    np.testing.assert_allclose([thrice.low, thrice.high], [once.low, once.high], atol=2e-4)


def test_area_of_exactly_1_or_0_has_a_score_interval() -> None:
    truth = np.array([0] * 10 + [1] * 5)
    scores = np.linspace(0.1, 0.9, 15)
    found = area_estimates(truth, np.column_stack([1 - scores, scores]), np.arange(15))
    bound = perfect_area_bound(5, 10)
    assert (found.low[1], found.high[1]) == (bound, 1.0)
    # It is 1.96 standard deviations of Hanley and McNeil from 1, for 7.5 images of either kind.
    variance = bound * (1 - bound) / 50 * (1 + 6.5 * ((1 - bound) / (2 - bound) + bound / (1 + bound)))
    assert 1 - bound == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-5)
    mirrored = area_estimates(truth, np.column_stack([scores, 1 - scores]), np.arange(15))
    assert (mirrored.low[1], mirrored.high[1]) == pytest.approx((0.0, 1 - bound))


@pytest.mark.parametrize(
    ("lesions", "truth", "icc"), [(5, 0.9, 0.8), (7, 0.98, 0.0), (10, 0.5, 0.3), (20, 0.8, 0.5)]
)
def test_rate_intervals_hold_the_true_rate_in_small_clustered_samples(
    lesions: int, truth: float, icc: float
) -> None:
    generator = np.random.default_rng(0)
    trials = generator.integers(1, 4, size=(lesions, 4000)).astype(float)
    share = truth
    if icc:
        share = generator.beta(truth * (1 - icc) / icc, (1 - truth) * (1 - icc) / icc, size=trials.shape)
    hits = generator.binomial(trials.astype(int), share).astype(float)
    found = rate_estimates(hits, trials)
    assert ((found.low <= truth) & (truth <= found.high)).mean() >= 0.93
    assert (found.high - found.low > 0.01).all()


@pytest.mark.parametrize(("area", "icc"), [(0.75, 0.0), (0.9, 0.8), (0.97, 0.3)])
def test_area_intervals_hold_the_true_area_in_small_clustered_samples(area: float, icc: float) -> None:
    generator = np.random.default_rng(0)
    held = []
    for _ in range(400):
        groups = np.arange(36).repeat(generator.integers(1, 4, size=36))
        of_class = groups < 6
        shared = generator.normal(size=36)[groups]
        scores = np.sqrt(icc) * shared + np.sqrt(1 - icc) * generator.normal(size=len(groups))
        scores = norm.cdf(scores + of_class * np.sqrt(2) * norm.ppf(area))
        found = area_estimates(of_class.astype(int), np.column_stack([1 - scores, scores]), groups)
        held.append(found.low[1] <= area <= found.high[1])
    assert np.mean(held) >= 0.93


def test_interval_of_independent_images_is_the_binomial_one() -> None:
    truth, probabilities, predicted, _ = predictions(2000, seed=1)
    groups = np.arange(2000).astype(str)
    result = compute_metrics(truth, probabilities, predicted, CLASSES, groups, bootstrap=2000)
    interval = result.intervals["accuracy"]
    width = 2 * 1.96 * np.sqrt(result.accuracy * (1 - result.accuracy) / 2000)
    assert interval.low < result.accuracy < interval.high
    assert interval.high - interval.low == pytest.approx(width, rel=0.08)


def test_images_of_one_lesion_do_not_count_as_independent() -> None:
    truth, probabilities, predicted, _ = predictions(200, seed=2)
    repeated = (truth.repeat(4), probabilities.repeat(4, axis=0), predicted.repeat(4))
    by_image = compute_metrics(*repeated, CLASSES, np.arange(800).astype(str), seed=1)
    by_lesion = compute_metrics(*repeated, CLASSES, np.repeat(np.arange(200), 4).astype(str), seed=1)
    narrow, wide = by_image.intervals["accuracy"], by_lesion.intervals["accuracy"]
    assert wide.high - wide.low == pytest.approx(2 * (narrow.high - narrow.low), rel=0.15)


def test_same_seed_same_intervals() -> None:
    data = predictions(150)
    arguments = (*data[:3], CLASSES, data[3])
    first = compute_metrics(*arguments, bootstrap=100, seed=4)
    assert compute_metrics(*arguments, bootstrap=100, seed=4) == first
    assert compute_metrics(*arguments, bootstrap=100, seed=5).intervals != first.intervals


def test_replicates_draw_as_many_groups_as_there_are() -> None:
    blocks = list(resampled_counts(groups=30_000, replicates=70, seed=0))
    assert len(blocks) > 1
    counts = np.concatenate(blocks)
    assert counts.shape == (70, 30_000)
    assert (counts.sum(axis=1) == 30_000).all()


def test_intervals_hold_what_is_shown() -> None:
    truth, probabilities, predicted, groups = predictions(400)
    result = compute_metrics(truth, probabilities, predicted, CLASSES, groups, bootstrap=200)
    names = {"accuracy", "balanced_accuracy", "macro_f1", "macro_roc_auc", "ece", "recall_mel", "recall_df"}
    assert names <= result.intervals.keys()
    for name in ("accuracy", "balanced_accuracy", "macro_precision", "macro_f1", "ece", "log_loss", "brier"):
        interval = result.intervals[name]
        assert interval.low < getattr(result, name) < interval.high
    row = result.per_class["mel"]
    assert row.recall_interval == result.intervals["recall_mel"]
    for one in (row.precision_interval, row.f1_interval, row.roc_auc_interval):
        assert one is not None
        assert 0.0 <= one.low < one.high <= 1.0


def test_no_interval_of_a_perfect_classifier_is_of_no_width() -> None:
    truth = np.arange(7).repeat([3, 4, 9, 2, 9, 30, 1])
    probabilities = np.eye(7)[truth] * 0.93 + 0.01
    groups = np.arange(len(truth)).astype(str)
    result = compute_metrics(truth, probabilities, truth, CLASSES, groups, bootstrap=50)
    assert all(interval.high - interval.low > 0.01 for interval in result.intervals.values())
    assert result.intervals.keys().isdisjoint({"ece", "log_loss", "brier", "recall_vasc"})
    assert (
        "The calibration error, log loss and Brier score have no interval, because all bootstrap samples "
        "give the same value."
    ) in result.notes
    for name, row in result.per_class.items():
        every = (row.recall_interval, row.precision_interval, row.f1_interval, row.roc_auc_interval)
        if name == "vasc":
            assert every == (None,) * 4
        for interval in every if name != "vasc" else ():
            assert interval is not None
            assert interval.low < 0.97
            assert interval.high == 1.0
    assert (
        "No interval, because there is only one group: recall of vasc; precision of vasc; F1 of vasc; ROC AUC of vasc."
    ) in result.notes


def test_rare_class_with_all_images_right_widens_the_macro_mean() -> None:
    truth = np.array([0] * 100 + [1] * 9)
    predicted = np.concatenate([np.arange(100) % 5 == 0, np.ones(9)]).astype(int)
    probabilities = np.eye(2)[predicted] * 0.8 + 0.1
    groups = np.arange(109).astype(str)
    result = compute_metrics(truth, probabilities, predicted, ("nv", "mel"), groups, bootstrap=50)
    interval = result.intervals["balanced_accuracy"]
    assert interval.low < 0.9 - (1 - 0.7009) / 2  # half the width of 9 of 9, and that of the other class
    assert interval.high > 0.9


def test_interval_of_the_calibration_error_contains_it_although_resampling_inflates_it() -> None:
    generator = np.random.default_rng(0)
    share = generator.uniform(0.5, 1.0, size=400)
    truth = (generator.uniform(size=400) > share).astype(int)  # perfectly calibrated
    probabilities = np.stack([share, 1 - share], axis=1)
    result = compute_metrics(
        truth, probabilities, probabilities.argmax(axis=1), ("a", "b"), np.arange(400).astype(str)
    )
    interval = result.intervals["ece"]
    assert interval.low < result.ece < interval.high

    moved = recentred_interval(np.array([0.2, 0.3, 0.4]), 0.05)
    assert moved is not None
    assert moved.low == 0.0
    assert moved.high == pytest.approx(0.145)


def test_calibration_error_computed_by_hand() -> None:
    # Confidences 0.6, 0.6 and 1.0: bins 9 (8/15 to 9/15] and 15. One of two right, then one of one.
    probabilities = [[0.6, 0.4], [0.6, 0.4], [0.0, 1.0]]
    result = reliability([0, 1, 1], probabilities)
    assert result.images[8] == 2
    assert result.images[14] == 1
    assert result.accuracy[8] == 0.5
    assert result.confidence[8] == pytest.approx(0.6)
    assert result.ece == pytest.approx((2 * 0.1 + 0) / 3)
    assert sum(result.images) == 3


def test_calibration_error_judges_the_most_probable_class_not_the_decision() -> None:
    probabilities = np.array([[0.7, 0.3]] * 10)
    truth = np.array([0] * 7 + [1] * 3)
    everything_second = compute_metrics(
        truth, probabilities, np.ones(10, dtype=int), ("nv", "mel"), np.arange(10).astype(str), bootstrap=0
    )
    assert everything_second.accuracy == pytest.approx(0.3)
    assert everything_second.ece == pytest.approx(0.0)


def test_replicates_without_spread_give_no_interval() -> None:
    assert percentile_interval(np.full(50, 0.25)) is None
    assert recentred_interval(np.full(50, 0.25), 0.25) is None
    assert recentred_interval(np.array([0.0] * 99 + [0.1]), 0.0) is None


def test_class_without_images_has_no_recall_and_stays_out_of_the_means() -> None:
    truth = np.array([0, 0, 1, 1])
    predicted = np.array([0, 2, 1, 1])
    probabilities = np.eye(3)[predicted] * 0.7 + 0.1
    result = compute_metrics(truth, probabilities, predicted, ("nv", "mel", "df"), list("abcd"), bootstrap=50)
    absent = result.per_class["df"]
    assert (absent.recall, absent.f1, absent.roc_auc, absent.support) == (None, None, None, 0)
    assert absent.precision == 0.0
    assert absent.recall_interval is None
    assert "recall_df" not in result.intervals
    assert result.macro_recall == pytest.approx((0.5 + 1.0) / 2)
    assert result.macro_precision == pytest.approx(1.0)
    expected = (
        "There are no images of class df: it has no recall, F1 or ROC AUC, and macro means leave it out."
    )
    assert expected in result.notes


def test_class_that_is_never_predicted_has_a_precision_of_zero() -> None:
    probabilities = np.array([[0.9, 0.1]] * 4)
    result = compute_metrics(
        [0, 0, 1, 1], probabilities, [0, 0, 0, 0], ("nv", "mel"), list("abcd"), bootstrap=0
    )
    assert result.per_class["mel"].precision == 0.0
    assert result.macro_precision == pytest.approx(0.25)
    assert "Class mel is never predicted; its precision counts as 0." in result.notes


def test_notes_name_several_classes_in_a_sentence() -> None:
    truth = np.arange(5).repeat(2)
    probabilities = np.full((10, 7), 1 / 7)
    groups = np.arange(10).astype(str)
    predicted = np.where(np.arange(10) % 2, 5, 6)
    result = compute_metrics(truth, probabilities, predicted, CLASSES, groups, bootstrap=0)
    assert result.notes == (
        (
            "There are no images of classes nv and vasc: they have no recall, F1 or ROC AUC, and macro means "
            "leave them out."
        ),
        "Classes akiec, bcc, bkl, df and mel are never predicted; their precision counts as 0.",
    )


@pytest.mark.parametrize(
    ("truth", "groups", "words"),
    [
        ([0, 0, 0], ["a", "b", "c"], "one class"),
        ([0, 1, 0], ["a", "a", "a"], "one group"),
        ([0, 1, 0], ["a", "b", "c"], "wide for classes with few groups"),
        ([0], ["a"], "one class"),
    ],
)
def test_tiny_sets_are_measured_without_warning_and_explained(
    truth: list[int], groups: list[str], words: str
) -> None:
    probabilities = np.array([[0.9, 0.1]] * len(truth))
    result = compute_metrics(truth, probabilities, [0] * len(truth), ("nv", "mel"), groups, bootstrap=50)
    assert any(words in note for note in result.notes)
    assert decoded(result) == result


def decoded(result: Metrics) -> Metrics:
    content = msgspec.json.encode(result)
    assert b"NaN" not in content
    return msgspec.json.decode(content, type=Metrics)


def test_json_holds_the_promised_keys_and_comes_back_the_same() -> None:
    truth, probabilities, predicted, groups = predictions(200)
    result = compute_metrics(truth, probabilities, predicted, CLASSES, groups, bootstrap=50)
    assert decoded(result) == result
    table = msgspec.to_builtins(result)
    promised = {
        *("accuracy", "balanced_accuracy", "macro_precision", "macro_recall", "macro_f1", "per_class"),
        *("confusion_matrix", "classes", "ece", "n", "intervals"),
    }
    assert promised <= table.keys()
    assert {"precision", "recall", "f1", "support", "roc_auc"} <= table["per_class"]["mel"].keys()
    assert table["intervals"]["balanced_accuracy"].keys() == {"low", "high"}


def test_metrics_of_the_first_version_are_still_read() -> None:
    truth, probabilities, predicted, groups = predictions(60)
    table = msgspec.to_builtins(
        compute_metrics(truth, probabilities, predicted, CLASSES, groups, bootstrap=20)
    )
    table["intervals"]["accuracy"] = {"low": 1.0, "high": 1.0}
    table["per_class"]["df"]["precision_interval"] = {"low": 0.0, "high": 0.0}
    assert msgspec.convert(table, Metrics).intervals["accuracy"].high == 1.0


def test_nothing_to_measure_is_said_plainly() -> None:
    with pytest.raises(DatasetError, match="no images to evaluate"):
        compute_metrics([], np.zeros((0, 2)), [], ("nv", "mel"), [])
    with pytest.raises(TrainerError, match="not finite"):
        compute_metrics([0], [[np.nan, 0.5]], [0], ("nv", "mel"), ["a"])
    with pytest.raises(ValueError, match="do not fit together"):
        compute_metrics([0, 1], [[0.5, 0.5]], [0, 1], ("nv", "mel"), ["a", "b"])


def test_epoch_metrics_leave_absent_classes_out() -> None:
    result = epoch_metrics([[3, 1, 0], [2, 2, 0], [0, 0, 0]], 0.7, ("nv", "mel", "df"))
    assert result.loss == 0.7
    assert result.accuracy == pytest.approx(5 / 8)
    assert result.recall == {"nv": 0.75, "mel": 0.5}
    assert result.support == {"nv": 4, "mel": 4}
    assert result.macro_recall == pytest.approx(0.625)


def test_epoch_metrics_refuse_what_is_no_measurement() -> None:
    with pytest.raises(TrainerError, match="diverged"):
        epoch_metrics([[1, 0], [0, 1]], float("nan"), ("nv", "mel"))
    with pytest.raises(DatasetError, match="empty"):
        epoch_metrics([[0, 0], [0, 0]], 0.1, ("nv", "mel"))


def test_epoch_metrics_need_no_scikit_learn() -> None:
    program = (
        "import sys; from trainer.metrics.classification import epoch_metrics; epoch_metrics([[1, 0], [0, 1]], 0.1, ('a', 'b'));"
        "assert not {'sklearn', 'scipy', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_summary_is_an_aligned_table_that_names_malignant_classes() -> None:
    truth, probabilities, predicted, groups = predictions(1500)
    result = compute_metrics(truth, probabilities, predicted, CLASSES, groups, bootstrap=100)
    text = summary(result, malignant=("akiec", "bcc", "mel"))
    lines = text.splitlines()
    assert lines[0].startswith(f"1,500 images in {result.groups:,} groups")
    assert f"{100 * result.balanced_accuracy:.1f} %" in text
    head = next(line for line in lines if line.startswith("class"))
    rows = lines[lines.index(head) + 1 :][: len(CLASSES)]
    assert [row.split()[0] for row in rows] == list(CLASSES)
    assert [row.split()[0] for row in rows if row.endswith("malignant")] == ["akiec", "bcc", "mel"]
    last_column = head.index(" n") + 2
    for row, support in zip(rows, result.per_class.values(), strict=True):
        assert row[:last_column].endswith(f" {support.support:,}")
    assert max(map(len, lines)) <= 80
    assert " nan" not in text
