"""How the network did on confirmed cases of one's own: counts and rates, with intervals that count lesions.

Lesions that are biopsied or followed are a selection, mostly of those that looked suspicious: these rates do not hold
for all lesions that are seen. Whoever shows them says so.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from trainer.predictions import MALIGNANT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from skindesk.models.cases.reading import OpenedCase
    from skindesk.models.cases.record import SavedNetwork
    from trainer.metrics.intervals import Estimates
    from trainer.predictions import AppliedPoint


class Rate(NamedTuple):
    """A share with its 95 % interval.

    Attributes:
        value, low, high: 0 to 1; 0, 0 and 1 where no case counts.
        hits, cases: of how many cases it holds, and how many count.
        lesions: that these cases show.
    """

    value: float
    low: float
    high: float
    hits: int
    cases: int
    lesions: int


@dataclass(frozen=True)
class OwnResults:
    """What one network made of the confirmed cases.

    Attributes:
        network: as it was when the last of the cases was saved.
        cases, lesions: confirmed, whose class the network knows.
        unreliable: of these cases, how many had images unlike those that the network learned from, or too poor.
        confirmed_by: number of lesions by how they were confirmed.
        unknown: number of lesions by confirmed class, for classes that the network does not know; left out of all rates.
        accuracy: share of cases whose predicted class is the confirmed one.
        sensitivity: share of the malignant that were predicted to be of a malignant class.
        specificity: share of the benign that were not.
        recalls: by confirmed class, the share that was predicted to be of it.
        point: operating point of the last of the cases that have one; `None` where none has.
        flagged: share of its target that it flagged, over the cases that were saved with it.
        passed: share of the others that it did not flag.
    """

    network: SavedNetwork
    cases: int
    lesions: int
    unreliable: int
    confirmed_by: dict[str, int]
    unknown: dict[str, int]
    accuracy: Rate
    sensitivity: Rate
    specificity: Rate
    recalls: dict[str, Rate]
    point: AppliedPoint | None
    flagged: Rate
    passed: Rate


class _Judged(NamedTuple):
    lesion: str
    truth: str
    predicted: str
    confirmed_by: str
    unreliable: bool
    point: AppliedPoint | None


def results_of(cases: Sequence[OpenedCase]) -> tuple[OwnResults, ...]:
    """Return the results of each network, that of most cases first.

    A case counts once, by what the network said of its images together when it was saved; cases of one lesion form a
    group.

    Args:
        cases: confirmed ones; those without a prediction are passed over.
    """
    judged: dict[str, list[_Judged]] = {}
    networks: dict[str, SavedNetwork] = {}
    for case in cases:
        network, decision, state = case.diagnosis.network, case.diagnosis.decision, case.summary.state
        if network is not None and decision is not None and decision.predicted:
            networks[network.bundle_hash] = network
            judged.setdefault(network.bundle_hash, []).append(
                _Judged(
                    state.lesion,
                    state.confirmed_class,
                    decision.predicted,
                    state.confirmed_by,
                    case.diagnosis.unreliable,
                    decision.operating_point,
                )
            )
    results = (_results(networks[name], found) for name, found in judged.items())
    return tuple(sorted(results, key=lambda result: -result.cases))


def _results(network: SavedNetwork, judged: Sequence[_Judged]) -> OwnResults:
    import numpy as np

    known = [case for case in judged if case.truth in network.classes]
    lesions = {case.lesion: case for case in known}
    unknown = {case.lesion: case.truth for case in judged if case.truth not in network.classes}
    order = {lesion: place for place, lesion in enumerate(lesions)}
    groups = np.array([order[case.lesion] for case in known], dtype=np.int64)
    truth = np.array([case.truth for case in known], dtype=object)
    predicted = np.array([case.predicted for case in known], dtype=object)
    malignant = np.isin(truth.astype(str), network.marks.malignant)
    benign = np.isin(truth.astype(str), network.marks.benign)
    called = np.isin(predicted.astype(str), network.marks.malignant)
    present = [name for name in network.classes if any(truth == name)]
    point = next((case.point for case in reversed(known) if case.point is not None), None)
    with_it = np.array([_is_of(case.point, point) for case in known], dtype=bool)
    above = np.array([case.point is not None and case.point.above for case in known], dtype=bool)
    target = malignant if point is None or point.target == MALIGNANT else truth == point.target
    other = benign if point is None or point.target == MALIGNANT else truth != point.target
    columns = [
        (np.ones(len(known), dtype=bool), truth == predicted),
        (malignant, called),
        (benign, ~called),
        (with_it & target, above),
        (with_it & other, ~above),
        *((truth == name, predicted == name) for name in present),
    ]
    accuracy, sensitivity, specificity, flagged, passed, *recalls = _rates(groups, columns)
    return OwnResults(
        network=network,
        cases=len(known),
        lesions=len(lesions),
        unreliable=sum(case.unreliable for case in known),
        confirmed_by=dict(Counter(case.confirmed_by for case in lesions.values())),
        unknown=dict(Counter(unknown.values())),
        accuracy=accuracy,
        sensitivity=sensitivity,
        specificity=specificity,
        recalls=dict(zip(present, recalls, strict=True)),
        point=point,
        flagged=flagged,
        passed=passed,
    )


def _is_of(applied: AppliedPoint | None, point: AppliedPoint | None) -> bool:
    """Whether a point is the same as another one, whatever it was applied to."""
    if applied is None or point is None:
        return False
    return (applied.target, applied.threshold, applied.sensitivity) == (
        point.target,
        point.threshold,
        point.sensitivity,
    )


def _rates(groups: np.ndarray, columns: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[Rate]:
    """Return a rate for each pair of which cases count and for which it holds, both (n,) bool."""
    import numpy as np

    from trainer.metrics.rates import rate_estimates

    if not len(groups):
        return [Rate(0.0, 0.0, 1.0, 0, 0, 0) for _ in columns]
    size = int(groups.max()) + 1
    trials = np.stack([np.bincount(groups, counts, size) for counts, _ in columns], axis=1)
    hits = np.stack([np.bincount(groups, counts & holds, size) for counts, holds in columns], axis=1)
    estimates: Estimates = rate_estimates(hits.astype(np.float64), trials.astype(np.float64))
    return [
        Rate(
            float(estimates.value[place]),
            float(estimates.low[place]),
            float(estimates.high[place]),
            int(hits[:, place].sum()),
            int(trials[:, place].sum()),
            int((trials[:, place] > 0).sum()),
        )
        for place in range(len(columns))
    ]
