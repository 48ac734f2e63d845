"""How often 95 % intervals hold the true value, on small samples of lesions with several images each.

Beside the intervals of `trainer.metrics` stand those of the plain cluster bootstrap (percentiles; at a rate of
exactly 0 or 1 the exact interval of as many trials as there are lesions). Images of a lesion are alike by the
intra-cluster correlation: rates are beta-binomial, confusions Dirichlet-multinomial, scores normal with an
effect of the lesion. Classes have fixed numbers of lesions, as after a stratified split.

usage: python tests/benchmarks/coverage.py [--samples 2000] [--seed 0]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from itertools import product
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from trainer.metrics.areas import area_estimates
from trainer.metrics.intervals import Estimates, mean_interval
from trainer.metrics.rates import confusion_estimates, rate_estimates

if TYPE_CHECKING:
    from collections.abc import Iterator

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
Ends: TypeAlias = tuple[FloatArray, FloatArray]
"""Low and high ends, one of each for every sample."""

REPLICATES = 300
CLASS_LESIONS = np.array([4, 7, 14, 2, 15, 85, 3])
RECALLS = np.array([0.7, 0.85, 0.75, 0.6, 0.65, 0.93, 0.98])


class Row(NamedTuple):
    """One line of the table."""

    metric: str
    truth: float
    lesions: int
    images: str
    icc: float
    coverage: tuple[float, float]
    width: tuple[float, float]


def compared(metric: str, truth: float, lesions: int, images: str, icc: float, new: Ends, old: Ends) -> Row:
    """Count how often each kind of interval holds the truth."""

    def coverage(ends: Ends) -> float:
        return float(np.mean((ends[0] <= truth + 1e-12) & (ends[1] >= truth - 1e-12)))

    def width(ends: Ends) -> float:
        return float(np.mean(ends[1] - ends[0]))

    return Row(metric, truth, lesions, images, icc, (coverage(new), coverage(old)), (width(new), width(old)))


def draw_counts(generator: np.random.Generator, groups: int) -> FloatArray:
    """Draw (REPLICATES, groups): how often each group is in each replicate."""
    return generator.multinomial(groups, np.full(groups, 1 / groups), size=REPLICATES).astype(float)


def percentiles(replicates: FloatArray) -> Ends:
    """Return the middle 95 % of (REPLICATES, samples)."""
    low, high = np.quantile(replicates, [0.025, 0.975], axis=0)
    return low, high


def rate_rows(generator: np.random.Generator, samples: int) -> Iterator[Row]:
    """Rates and F1 from 5 to 50 lesions."""
    sizes = {"1": [1], "2": [2], "1-3": [1, 2, 3], "1,1,1,3": [1, 1, 1, 3]}
    grid = product((5, 7, 10, 20, 50), sizes, (0.5, 0.7, 0.8, 0.9, 0.95, 0.98), (0.0, 0.3, 0.8))
    for lesions, images, truth, icc in grid:
        if images == "1" and icc:
            continue
        trials = generator.choice(sizes[images], size=(lesions, samples)).astype(float)
        hits = beta_binomial(generator, trials, truth, icc)
        found = rate_estimates(hits, trials)
        counts = draw_counts(generator, lesions)
        ratio = (counts @ hits) / (counts @ trials)
        low, high = percentiles(ratio)
        reach = 0.025 ** (1 / lesions)
        old = (
            np.where(found.value == 1, reach, np.where(found.value == 0, 0, low)),
            np.where(found.value == 0, 1 - reach, np.where(found.value == 1, 1, high)),
        )
        yield compared("rate", truth, lesions, images, icc, (found.low, found.high), old)
        f1 = 2 * truth / (1 + truth)
        new = tuple(2 * end / (1 + end) for end in (found.low, found.high))
        yield compared("F1", f1, lesions, images, icc, (new[0], new[1]), percentiles(2 * ratio / (1 + ratio)))


def beta_binomial(generator: np.random.Generator, trials: FloatArray, truth: float, icc: float) -> FloatArray:
    """Draw hits of each lesion."""
    share: FloatArray | float = truth
    if icc:
        spread = (1 - icc) / icc
        share = generator.beta(truth * spread, (1 - truth) * spread, size=trials.shape)
    return generator.binomial(trials.astype(int), share).astype(float)


def macro_rows(generator: np.random.Generator, samples: int) -> Iterator[Row]:
    """Means over seven classes, rare ones among them."""
    others = CLASS_LESIONS / (CLASS_LESIONS.sum() - CLASS_LESIONS[:, None])
    shares = others * (1 - RECALLS[:, None])
    np.fill_diagonal(shares, RECALLS)
    for scale, icc in product((1, 3), (0.0, 0.3, 0.8)):
        lesions = np.repeat(np.arange(7), CLASS_LESIONS * scale)
        truths = _true_means(shares)
        ends: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
        for _ in range(samples):
            truth, predicted, groups = _predictions(generator, shares, lesions, icc)
            old = _bootstrapped_means(generator, truth, predicted, groups)
            for name, interval in _means(truth, predicted, groups).items():
                ends[name].append((*interval, *old[name]))
        for name, rows in ends.items():
            new_low, new_high, old_low, old_high = np.array(rows).T
            yield compared(
                name, truths[name], len(lesions), "1-3", icc, (new_low, new_high), (old_low, old_high)
            )


def _predictions(
    generator: np.random.Generator, shares: FloatArray, lesions: IntArray, icc: float
) -> tuple[IntArray, IntArray, IntArray]:
    """Draw truth, predicted class and lesion of each image."""
    chances = shares[lesions]
    if icc:
        gammas = generator.gamma(chances * (1 - icc) / icc + 1e-9)
        chances = gammas / np.maximum(gammas.sum(axis=1, keepdims=True), 1e-300)
    groups = np.repeat(np.arange(len(lesions)), generator.integers(1, 4, size=len(lesions)))
    cumulated = np.cumsum(chances[groups], axis=1)
    predicted = (generator.uniform(size=(len(groups), 1)) > cumulated[:, :-1]).sum(axis=1)
    return lesions[groups], predicted, groups


def _true_means(shares: FloatArray) -> dict[str, float]:
    weights = CLASS_LESIONS / CLASS_LESIONS.sum()
    right = weights * np.diagonal(shares)
    chosen = weights @ shares
    precision, f1 = right / chosen, 2 * right / (weights + chosen)
    return {
        "balanced accuracy": float(RECALLS.mean()),
        "macro precision": float(precision.mean()),
        "macro F1": float(f1.mean()),
        "weighted precision": float(weights @ precision),
        "weighted F1": float(weights @ f1),
    }


def _means(truth: IntArray, predicted: IntArray, groups: IntArray) -> dict[str, tuple[float, float]]:
    found = confusion_estimates(truth, predicted, groups, 7)
    equal, by_support = np.full(7, 1 / 7), np.bincount(truth, minlength=7) / len(truth)

    def ends(estimates: Estimates, weights: FloatArray) -> tuple[float, float]:
        interval = mean_interval(estimates, weights)
        return interval.low, interval.high

    return {
        "balanced accuracy": ends(found.recall, equal),
        "macro precision": ends(found.precision, equal),
        "macro F1": ends(found.f1, equal),
        "weighted precision": ends(found.precision, by_support),
        "weighted F1": ends(found.f1, by_support),
    }


def _bootstrapped_means(
    generator: np.random.Generator, truth: IntArray, predicted: IntArray, groups: IntArray
) -> dict[str, tuple[float, float]]:
    lesions = int(groups.max()) + 1
    cells = np.bincount(groups * 49 + truth * 7 + predicted, minlength=lesions * 49).reshape(lesions, 49)
    confusion = (draw_counts(generator, lesions) @ cells).reshape(-1, 7, 7)
    right = np.diagonal(confusion, axis1=1, axis2=2)
    support, chosen = confusion.sum(axis=2), confusion.sum(axis=1)
    there = support > 0
    weights = support / support.sum(axis=1, keepdims=True)
    recall = np.where(there, right / np.maximum(support, 1), np.nan)
    precision = np.where(there, right / np.maximum(chosen, 1), np.nan)
    f1 = np.where(there, 2 * right / np.maximum(support + chosen, 1), np.nan)
    means = {
        "balanced accuracy": np.nanmean(recall, axis=1),
        "macro precision": np.nanmean(precision, axis=1),
        "macro F1": np.nanmean(f1, axis=1),
        "weighted precision": np.nansum(weights * precision, axis=1),
        "weighted F1": np.nansum(weights * f1, axis=1),
    }
    return {name: tuple(np.quantile(values, [0.025, 0.975])) for name, values in means.items()}


def area_rows(generator: np.random.Generator, samples: int) -> Iterator[Row]:
    """Areas under the ROC curve of a rare class against the rest."""
    sizes = {"1": [1], "1-3": [1, 2, 3]}
    grid = product(((5, 20), (5, 100), (10, 100), (30, 100)), sizes, (0.6, 0.75, 0.9, 0.97), (0.0, 0.3, 0.8))
    for (positive, negative), images, area, icc in grid:
        if images == "1" and icc:
            continue
        new, old = [], []
        for _ in range(samples):
            of_class = np.arange(positive + negative) < positive
            groups = np.repeat(
                np.arange(positive + negative), generator.choice(sizes[images], positive + negative)
            )
            shared = generator.normal(size=positive + negative)[groups]
            scores = np.sqrt(icc) * shared + np.sqrt(1 - icc) * generator.normal(size=len(groups))
            scores += np.where(of_class[groups], np.sqrt(2) * norm.ppf(area), 0)
            probabilities = np.column_stack([1 - norm.cdf(scores), norm.cdf(scores)])
            found = area_estimates(of_class[groups].astype(int), probabilities, groups)
            new.append((found.low[1], found.high[1]))
            old.append(_bootstrapped_area(generator, scores, of_class[groups], groups))
        columns = [(ends[:, 0], ends[:, 1]) for ends in (np.array(new), np.array(old))]
        yield compared("AUC", area, positive, images, icc, *columns)


def _bootstrapped_area(
    generator: np.random.Generator, scores: FloatArray, of_class: NDArray[np.bool_], groups: IntArray
) -> tuple[float, float]:
    weights = draw_counts(generator, int(groups.max()) + 1)[:, groups]
    wins = (scores[of_class][:, None] > scores[~of_class]).astype(float)
    positive, negative = weights[:, of_class], weights[:, ~of_class]
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    areas = ((positive @ wins) * negative).sum(axis=1)[pairs > 0] / pairs[pairs > 0]
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Print the table, and for each metric what is worst and what is usual."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    generator = np.random.default_rng(chosen.seed)
    head = f"{'metric':<18} {'truth':>6} {'lesions':>7} {'images':>8} {'ICC':>4}"
    print(f"{head}  {'coverage':>8} {'before':>7}  {'width':>6} {'before':>7}")
    rows: dict[str, list[Row]] = defaultdict(list)
    few = max(chosen.samples // 4, 100)
    for maker, samples in ((rate_rows, chosen.samples), (macro_rows, few), (area_rows, few)):
        for row in maker(generator, samples):
            rows[row.metric].append(row)
            print(
                f"{row.metric:<18} {row.truth:>6.3f} {row.lesions:>7} {row.images:>8} {row.icc:>4.1f}  "
                f"{row.coverage[0]:>8.3f} {row.coverage[1]:>7.3f}  {row.width[0]:>6.3f} {row.width[1]:>7.3f}",
                flush=True,
            )
    print(f"\n{'metric':<18} {'settings':>8}  {'lowest':>6} {'before':>7}  {'mean':>6} {'before':>7}")
    for metric, found in rows.items():
        table = np.array([row.coverage for row in found])
        low, mean = table.min(axis=0), table.mean(axis=0)
        print(f"{metric:<18} {len(found):>8}  {low[0]:>6.3f} {low[1]:>7.3f}  {mean[0]:>6.3f} {mean[1]:>7.3f}")


if __name__ == "__main__":
    main()
