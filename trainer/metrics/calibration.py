"""Fitting temperature and class bias, so that a network's probabilities agree with observed frequencies.

Logits assume the prior that the loss implies (a balanced one for class-balanced losses). What
is shown to people should assume the natural prior: `softmax(logits / T + b)`, with `b` starting from
`log(natural) - log(trained)`, the exact correction for a change of prior (Saerens et al. 2002). One
temperature T (Guo et al. 2017, arXiv:1706.04599) and the class bias are then fitted by penalised maximum
likelihood on images that had no part in training or in choosing the network.

The decision rule divides by the natural prior again before it takes the largest. With the bias at its start
that gives exactly the class of the largest uncorrected logit, whatever the temperature; so calibration costs
a class-balanced network no melanoma recall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.errors import TrainerError
from trainer.metrics.decision import (
    LARGEST_BIAS,
    TEMPERATURES,
    BoolArray,
    Calibration,
    FloatArray,
    IntArray,
    log_softmax,
)
from trainer.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from trainer.config import Imbalance

MINIMUM_IMAGES = 50
"""Below this, nothing is fitted. From 50 images on, the fit was no worse on new images than no fit (see
`BIAS_SPREAD` for the data), and much better for an overconfident network."""

BIAS_SPREAD = 0.5
"""Standard deviation of the Gaussian that the shift of each class's bias is expected from: odds off by a
factor of 1.6 or less, two times out of three. That expectation weighs as much as 16 images that a network
finds a toss-up between the class and another one: a handful of images moves a bias little.

Chosen on frozen Xception features of 5,984 HAM10000 lesions (half for training, a fifth to calibrate, the
rest to score; 8 splits, a linear and a one-layer head, both class-balanced). With 300 calibration images the
log loss of the two heads fell from 0.671 and 0.905 unfitted to 0.639 and 0.680 (with hardly any penalty:
0.631 and 0.669), melanoma recall rose from 45 and 34 % to 50 and 48 % (47 and 44 %), and accuracy fell by 6
and 10 points (12 and 18). With 50 images the linear head's log loss was 0.669 (0.684)."""

TEMPERATURE_SPREAD = 1.0
"""The same for the logarithm of the temperature: weak, so that it matters only where the images are few or
told apart without a mistake, and the likelihood alone would send the temperature to 0."""

_SMALLEST_SHARE = 1e-6
"""Stands in for a prior of 0, whose logarithm a bias cannot hold."""

_TEMPERATURE_LIMITS = (0.05, 20.0)


def trained_prior(imbalance: Imbalance, natural_prior: ArrayLike) -> FloatArray:
    """Return the prior that the logits assume, which depends on the loss.

    Class weights by inverse frequency and balanced sampling give a balanced prior; plain cross-entropy and
    the focal loss the natural one; logit adjustment of strength tau one proportional to
    natural ** (1 - tau), since its minimiser is log P(class | image) - tau * log(natural) plus a constant
    (Menon et al. 2021, arXiv:2007.07314).

    Args:
        imbalance: the method the network was trained with.
        natural_prior: (c,) shares of the classes in the training part.

    Returns:
        (c,) shares summing to 1.
    """
    natural = _shares(natural_prior)
    if imbalance.method in {"class-weights", "balanced-sampling"}:
        return np.full(len(natural), 1.0 / len(natural))
    if imbalance.method == "logit-adjustment":
        return _shares(np.maximum(natural, _SMALLEST_SHARE) ** (1.0 - imbalance.adjustment_tau))
    return natural


def identity_calibration(
    classes: Sequence[str], *, natural_prior: ArrayLike, trained_prior: ArrayLike, note: str = ""
) -> Calibration:
    """Return the calibration that follows from the priors alone: temperature 1, nothing fitted.

    Args:
        classes: c names.
        natural_prior: (c,) shares of the classes in the training part. A class without any is never
            predicted.
        trained_prior: (c,) the prior the logits assume.
        note: why nothing was fitted, in a sentence.
    """
    natural = _shares(natural_prior)
    start = _start_bias(natural, _shares(trained_prior))
    return _calibration(classes, 1.0, start, natural, n=0, note=note)


def fit_calibration(
    logits: ArrayLike,
    truth: ArrayLike,
    classes: Sequence[str],
    *,
    natural_prior: ArrayLike,
    trained_prior: ArrayLike,
) -> Calibration:
    """Fit temperature and class bias on images set aside for it.

    Args:
        logits: (n, c) of those images.
        truth: (n,) class indices.
        classes: c names.
        natural_prior: (c,) shares of the classes in the training part.
        trained_prior: (c,) the prior the logits assume; see `trained_prior`.

    Returns:
        The calibration; with fewer than `MINIMUM_IMAGES` images, or all of one class, the one that follows
        from the priors, with a note that says so.

    Raises:
        TrainerError: a logit is not finite.
    """
    scores = np.asarray(logits, dtype=np.float64).reshape(-1, len(classes))
    true = np.asarray(truth, dtype=np.int64)
    if not np.isfinite(scores).all():
        raise TrainerError(
            "The network cannot be calibrated because its outputs are not finite: training "
            "diverged. Train again with a lower learning rate."
        )
    natural = _shares(natural_prior)
    start = _start_bias(natural, _shares(trained_prior))
    counts = np.bincount(true, minlength=len(classes))
    usable = (counts > 0) & (natural > 0)
    reason = ""
    if len(true) < MINIMUM_IMAGES:
        found = f"Only {counted(len(true), 'image was', 'images were')}" if len(true) else "No images were"
        reason = f"{found} set aside for calibration, and {MINIMUM_IMAGES} are needed"
    elif usable.sum() < 2:  # noqa: PLR2004 (one class leaves nothing to tell apart)
        reason = "All images set aside for calibration are of one class"
    if reason:
        note = f"{reason}; the probabilities are based on class frequencies alone and may be overconfident."
        return identity_calibration(classes, natural_prior=natural, trained_prior=trained_prior, note=note)
    kept = usable[true]
    temperature, shift = _fit(scores[kept], true[kept], start, natural, usable)
    absent = [name for name, present in zip(classes, usable, strict=True) if not present]
    note = (
        (f"The bias of {', '.join(absent)} was not fitted because there were too few images.")
        if absent
        else ""
    )
    return _calibration(classes, temperature, start + shift, natural, n=int(kept.sum()), note=note)


def _fit(
    logits: FloatArray, truth: IntArray, start: FloatArray, natural: FloatArray, usable: BoolArray
) -> tuple[float, FloatArray]:
    """Maximise the penalised likelihood over temperature and shift of the class bias.

    Images are weighted so that the classes have the natural prior's shares: chance in how many images of a
    class were set aside then does not pass for a bias of the network. No image counts more than once, so the
    likelihood never claims more images than there are. Classes without images are left out of the softmax:
    they are neither raised nor lowered against the others.

    Args:
        logits: (n, c).
        truth: (n,) class indices, all usable.
        start: (c,) the bias to start from.
        natural: (c,) shares.
        usable: (c,) classes that have images here and in the training part.

    Returns:
        Temperature, and the shift of the bias (c,), 0 for classes that are not usable.
    """
    from scipy.optimize import minimize

    columns = np.flatnonzero(usable)
    scores = logits[:, columns]
    position = np.searchsorted(columns, truth)
    share = natural[columns] / natural[columns].sum()
    found = np.bincount(position, minlength=len(columns)) / len(truth)
    of_class = share / found
    weights = (of_class / of_class.max())[position]
    wanted = np.eye(len(columns))[position]

    def objective(parameters: FloatArray) -> tuple[float, FloatArray]:
        log_temperature, shift = parameters[0], parameters[1:]
        scaled = scores * np.exp(-log_temperature)
        logs = log_softmax(scaled + start[columns] + shift)
        residual = weights[:, None] * (np.exp(logs) - wanted)
        value = -(weights * logs[np.arange(len(position)), position]).sum()
        value += 0.5 * (log_temperature / TEMPERATURE_SPREAD) ** 2
        value += 0.5 * ((shift / BIAS_SPREAD) ** 2).sum()
        slope = np.empty_like(parameters)
        slope[0] = -(residual * scaled).sum() + log_temperature / TEMPERATURE_SPREAD**2
        slope[1:] = residual.sum(axis=0) + shift / BIAS_SPREAD**2
        return float(value), slope

    limits = [tuple(np.log(_TEMPERATURE_LIMITS)), *[(None, None)] * len(columns)]
    fitted = minimize(objective, np.zeros(len(columns) + 1), jac=True, method="L-BFGS-B", bounds=limits)
    shift = np.zeros(len(start))
    shift[columns] = fitted.x[1:]
    return float(np.exp(fitted.x[0])), shift


def _shares(values: ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    shares: FloatArray = array / array.sum()
    return shares


def _start_bias(natural: FloatArray, trained: FloatArray) -> FloatArray:
    start: FloatArray = np.log(np.maximum(natural, _SMALLEST_SHARE)) - np.log(
        np.maximum(trained, _SMALLEST_SHARE)
    )
    return start


def _calibration(
    classes: Sequence[str], temperature: float, bias: FloatArray, natural: FloatArray, *, n: int, note: str
) -> Calibration:
    weights = np.zeros(len(natural))
    np.divide(1.0, natural, out=weights, where=natural > 0)

    def by_class(values: FloatArray) -> dict[str, float]:
        return dict(zip(classes, values.tolist(), strict=True))

    return Calibration(
        classes=tuple(classes),
        temperature=min(max(temperature, TEMPERATURES[0]), TEMPERATURES[1]),
        bias=by_class(np.clip(bias, -LARGEST_BIAS, LARGEST_BIAS)),
        prior=by_class(natural),
        decision_weights=by_class(_shares(weights)),
        n=n,
        fitted=n > 0,
        note=note,
    )
