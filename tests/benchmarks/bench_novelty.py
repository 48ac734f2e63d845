"""Which images are flagged: by the bundle's own score and gate, and by the scores that were not chosen.

    python tests/benchmarks/bench_novelty.py BUNDLE DATASET.db [--elsewhere OTHER.db] [--training 2000]

All thresholds let 95 % of the set-aside validation images pass. Scores beside the bundle's own: the residual at each
depth alone, k nearest neighbours (Sun et al. 2022, arXiv:2204.06507), Mahalanobis and relative Mahalanobis distance
(Ren et al. 2021, arXiv:2106.09022), energy (Liu et al. 2020, arXiv:2010.03759). `--elsewhere`: dermatoscopic images of
lesions that are not in the dataset. Needs scikit-image.
"""

from __future__ import annotations

import argparse
import itertools
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.benchmarks.outsiders import CHOOSING, Outsider, degraded_lesions, outsiders
from trainer.dataset.recovery import frame_as_split
from trainer.dataset.store import DatasetStore
from trainer.images.decoding import read_square, to_square
from trainer.metrics.rates import wilson_ends
from trainer.prediction.inference import Predictor
from trainer.reference.quality import limits_of, measure, passes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Features = list[NDArray[np.float32]]
    Score = Callable[[Features], NDArray[np.float64]]

_LESIONS = 150
_K = 10


def _scores(
    training: Features, truth: NDArray[np.int64], names: tuple[str, ...], own: Score
) -> dict[str, Score]:
    def residual(depth: int) -> Score:
        from trainer.reference.novelty import fit_subspace

        values = training[1 + depth]
        subspace = fit_subspace(names[depth], values, values[:0], values)
        return lambda seen: subspace.distances(seen[1 + depth])

    def nearest(seen: Features) -> NDArray[np.float64]:
        def lengths_of_1(values: NDArray[np.float32]) -> NDArray[np.float32]:
            return values / np.linalg.norm(values, axis=1, keepdims=True)

        similar = lengths_of_1(seen[-1]) @ lengths_of_1(training[-1]).T
        return 1.0 - np.sort(similar, axis=1)[:, -_K]

    def distance(values: NDArray[np.float64], mean: NDArray[np.float64], inverse: NDArray[np.float64]):  # noqa: ANN202
        offsets = values - mean
        return np.einsum("ij,jk,ik->i", offsets, inverse, offsets)

    def inverse_of(offsets: NDArray[np.float64]) -> NDArray[np.float64]:
        covariance = offsets.T @ offsets / len(offsets)
        return np.linalg.inv(
            covariance + 0.01 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        )

    last = training[-1].astype(np.float64)
    means = np.stack([last[truth == index].mean(axis=0) for index in np.unique(truth)])
    whole = inverse_of(last - last.mean(axis=0))
    within = inverse_of(last - means[np.searchsorted(np.unique(truth), truth)])

    def by_class(seen: Features) -> NDArray[np.float64]:
        return np.min([distance(seen[-1], mean, within) for mean in means], axis=0)

    def relative(seen: Features) -> NDArray[np.float64]:
        return by_class(seen) - distance(seen[-1], last.mean(axis=0), whole)

    def energy(seen: Features) -> NDArray[np.float64]:
        return -np.log(np.exp(seen[0].astype(np.float64)).sum(axis=1))

    return {
        "this bundle": own,
        **{f"residual {name}": residual(depth) for depth, name in enumerate(names)},
        "neighbours": nearest,
        "Mahalanobis": by_class,
        "relative": relative,
        "energy": energy,
    }


class Bench:
    """A bundle, the scores, and the thresholds that let 95 % of its set-aside validation images pass."""

    def __init__(self, bundle: Path, dataset: Path, most: int) -> None:
        predictor = Predictor(bundle)
        if predictor.reference is None:
            raise SystemExit("Complete the bundle first.")
        self.reference, self.manifest = predictor.reference, predictor.manifest
        self._single = predictor.network.analysis(1)
        with DatasetStore.open(dataset, read_only=True) as store:
            frame = frame_as_split(store, self.manifest.split)
        if frame is None:
            raise SystemExit("This is not the bundle's dataset.")
        self.lesion_ids = set(frame["lesion_id"])
        train = frame[frame["split"].eq("train")]
        chosen = np.random.default_rng(0).permutation(len(train))[:most]
        train = train.iloc[np.sort(chosen)]
        training, _ = self.look(self.read(path) for path in train["path"])
        truth = np.array([self.manifest.classes.index(name) for name in train["class_name"]])
        ids = list(self.reference.validation.sample_ids)
        self.paths = list(frame.set_index("sample_id").loc[ids, "path"])
        self.checked, self.gate = self.look(self.read(path) for path in self.paths)
        self._limits = limits_of(self.reference.validation.gate)
        novelty = self.reference.novelty
        own = lambda seen: novelty.scores(seen[1:]).astype(np.float64)  # noqa: E731 - one of many scores
        self.scores = _scores(training, truth, predictor.network.depths, own)
        aside = self.reference.validation.aside
        self._at = {
            name: np.quantile(score(self.checked)[aside], 0.95) for name, score in self.scores.items()
        }

    def read(self, path: str) -> NDArray[np.uint8]:
        """Return the square of a file."""
        return read_square(Path(path), self.manifest.input_size, self.manifest.geometry)

    def look(self, squares: Iterable[NDArray[np.uint8]]) -> tuple[Features, NDArray[np.float32]]:
        """Return logits and features of squares, and their measures of quality."""
        parts, gates = [], []
        for batch in _batches(squares):
            parts.append([output.numpy() for output in self._single(np.stack(batch))])
            gates.extend(measure(square) for square in batch)
        return [np.concatenate(column) for column in zip(*parts, strict=True)], np.stack(gates)

    def show(self, kind: str, seen: Features, gates: NDArray[np.float32], sources: list[str]) -> None:
        """Print how many images of a kind are flagged, and how many of the pictures they come from."""
        failed = ~passes(gates, self._limits)
        shares = [(score(seen) > self._at[name]).mean() for name, score in self.scores.items()]
        flagged = failed | (self.reference.novelty.scores(seen[1:]) > self.reference.novelty.threshold)
        pictures = sorted(set(sources))
        most = [flagged[[s == picture for s in sources]].mean() > 0.5 for picture in pictures]
        low, high = wilson_ends(np.array(flagged.mean()), np.array(float(len(pictures))))
        print(
            f"{kind:26}{len(flagged):6}{failed.mean():7.0%}"
            + "".join(f"{share:17.0%}" for share in shares)
            + f"{flagged.mean():16.1%}  ({low:.0%}-{high:.0%}), {sum(most)} of {len(pictures)} pictures",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--elsewhere", type=Path)
    parser.add_argument("--training", type=int, default=2000)
    options = parser.parse_args()
    bench = Bench(options.bundle, options.dataset, options.training)
    names = "".join(f"{name:>17}" for name in bench.scores)
    print(f"{'kind':26}{'n':>6}{'gate':>7}{names}{'gate or score':>16}")
    aside = bench.reference.validation.aside
    for kind, rows in (("set-aside validation", aside), ("other validation", ~aside)):
        seen = [values[rows] for values in bench.checked]
        bench.show(kind, seen, bench.gate[rows], [str(row) for row in np.flatnonzero(rows)])
    if options.elsewhere is not None:
        with DatasetStore.open(options.elsewhere, read_only=True) as store:
            other = store.frame()
        other = other[~other["lesion_id"].isin(bench.lesion_ids)].drop_duplicates("lesion_id")
        seen, gates = bench.look(bench.read(path) for path in other["path"])
        bench.show("lesions from elsewhere", seen, gates, list(other["lesion_id"]))
    chosen = np.random.default_rng(1).permutation(len(bench.paths))[:_LESIONS]
    lesions = [bench.read(bench.paths[row]) for row in chosen]
    kinds: defaultdict[str, list[Outsider]] = defaultdict(list)
    for outsider in itertools.chain(outsiders(lesions), degraded_lesions(lesions)):
        kinds[outsider.kind].append(outsider)
    for kind, images in kinds.items():
        size, geometry = bench.manifest.input_size, bench.manifest.geometry
        seen, gates = bench.look(to_square(image.pixels, size, geometry) for image in images)
        title = f"{kind} (choosing)" if kind in CHOOSING else kind
        bench.show(title, seen, gates, [image.source for image in images])


def _batches(squares: Iterable[NDArray[np.uint8]]) -> Iterable[tuple[NDArray[np.uint8], ...]]:
    """Stand in for `itertools.batched`, which Python 3.11 lacks."""
    iterator = iter(squares)
    while batch := tuple(itertools.islice(iterator, 32)):
        yield batch


if __name__ == "__main__":
    main()
