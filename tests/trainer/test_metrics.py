from __future__ import annotations

import subprocess
import sys

import msgspec
import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as reference

from trainer.errors import DatasetError, TrainerError
from trainer.metrics.classification import Metrics, compute_metrics, epoch_metrics
from trainer.metrics.intervals import (
    exact_interval,
    rank_scores,
    recentred_interval,
    resampled_auc,
    resampled_counts,
    resampled_metrics,
)
from trainer.metrics.reliability import reliability
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


def test_every_replicate_is_what_scikit_learn_gives_for_the_drawn_images() -> None:
    truth, probabilities, predicted, groups = predictions(120, seed=3)
    probabilities = probabilities.round(1) + 0.001  # many ties
    names, index = np.unique(groups, return_inverse=True)
    counts = np.concatenate(list(resampled_counts(len(names), len(truth), replicates=8, seed=5)))
    losses = {"log_loss": -np.log(probabilities[np.arange(len(truth)), truth])}
    result = resampled_metrics(truth, probabilities, predicted, index, losses=losses, counts=[counts])

    for replicate, drawn in enumerate(counts):
        images = np.repeat(np.arange(len(truth)), drawn[index].astype(int))
        true, chosen, shares = truth[images], predicted[images], probabilities[images]
        present = np.unique(true)
        expected = reference.precision_recall_fscore_support(true, chosen, labels=range(7), zero_division=0)
        assert result["accuracy"][replicate] == pytest.approx((true == chosen).mean())
        for name, values in zip(("precision", "recall", "f1"), expected, strict=False):
            assert result[f"macro_{name}"][replicate] == pytest.approx(values[present].mean())
            np.testing.assert_allclose(result[name][replicate, present], values[present])
        assert result["ece"][replicate] == pytest.approx(reliability(true, shares).ece)
        assert result["log_loss"][replicate] == pytest.approx(losses["log_loss"][images].mean())
        for one in range(len(CLASSES)):
            if one in present:
                area = reference.roc_auc_score(true == one, shares[:, one])
                assert result["roc_auc"][replicate, one] == pytest.approx(area)
            else:
                assert np.isnan(result["roc_auc"][replicate, one])


def test_replicate_of_the_images_themselves_gives_the_point_metrics() -> None:
    truth, probabilities, predicted, groups = predictions(300)
    names, index = np.unique(groups, return_inverse=True)
    point = compute_metrics(truth, probabilities, predicted, CLASSES, groups, bootstrap=0)
    once = np.ones((1, len(names)))
    replicates = resampled_metrics(truth, probabilities, predicted, index, losses={}, counts=[once])

    for name in ("accuracy", "balanced_accuracy", "macro_f1", "weighted_precision", "macro_roc_auc", "ece"):
        assert replicates[name][0] == pytest.approx(getattr(point, name))


def test_resampled_auc_is_undefined_without_the_class_or_the_rest() -> None:
    ranked = rank_scores(np.array([0.2, 0.8, 0.5]), np.array([False, True, True]))
    weights = np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 2.0], [2.0, 0.0, 0.0]])
    areas = resampled_auc(ranked, weights)
    assert areas[0] == 1.0
    assert np.isnan(areas[1:]).all()


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
    blocks = list(resampled_counts(groups=30_000, images=60_000, replicates=70, seed=0))
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


def test_interval_of_a_perfect_recall_is_exact_and_not_of_no_width() -> None:
    truth = np.array([0] * 12 + [1] * 12)
    predicted = truth.copy()
    predicted[0] = 1
    probabilities = np.eye(2)[predicted] * 0.8 + 0.1
    groups = np.arange(24).astype(str)
    result = compute_metrics(truth, probabilities, predicted, ("nv", "mel"), groups, bootstrap=100)
    expected = binomtest(12, 12).proportion_ci(method="exact")
    interval = result.intervals["recall_mel"]
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    nothing = binomtest(0, 7).proportion_ci(method="exact")
    interval = exact_interval(7, all_right=False)
    assert (interval.low, interval.high) == pytest.approx((nothing.low, nothing.high))


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
    assert any("df" in note and "macro means leave it out" in note for note in result.notes)


def test_class_that_is_never_predicted_has_a_precision_of_zero() -> None:
    probabilities = np.array([[0.9, 0.1]] * 4)
    result = compute_metrics(
        [0, 0, 1, 1], probabilities, [0, 0, 0, 0], ("nv", "mel"), list("abcd"), bootstrap=0
    )
    assert result.per_class["mel"].precision == 0.0
    assert result.macro_precision == pytest.approx(0.25)
    assert any("mel is never predicted" in note for note in result.notes)


@pytest.mark.parametrize(
    ("truth", "groups", "words"),
    [
        ([0, 0, 0], ["a", "b", "c"], "one class"),
        ([0, 1, 0], ["a", "a", "a"], "one group"),
        ([0, 1, 0], ["a", "b", "c"], "Few groups"),
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


def test_nothing_to_measure_is_said_plainly() -> None:
    with pytest.raises(DatasetError, match="no image to evaluate"):
        compute_metrics([], np.zeros((0, 2)), [], ("nv", "mel"), [])
    with pytest.raises(TrainerError, match="not numbers"):
        compute_metrics([0], [[np.nan, 0.5]], [0], ("nv", "mel"), ["a"])
    with pytest.raises(ValueError, match="do not belong together"):
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
