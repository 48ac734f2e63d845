from __future__ import annotations

import numpy as np
import pytest

from trainer.config import Imbalance
from trainer.errors import TrainerError
from trainer.metrics.calibration import MINIMUM_IMAGES, fit_calibration, identity_calibration, trained_prior
from trainer.metrics.decision import calibrated_probabilities, decide
from trainer.metrics.reliability import reliability

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
MEL = CLASSES.index("mel")
NATURAL = np.array([0.033, 0.051, 0.110, 0.012, 0.111, 0.669, 0.014])
BALANCED = np.full(7, 1 / 7)


def images(n: int, seed: int, prior: np.ndarray = NATURAL) -> tuple[np.ndarray, np.ndarray]:
    """Draw truth (n,) and the exact log likelihoods (n, 7), which are logits for a balanced prior."""
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(100).normal(size=(7, 5))
    centres *= 2.8 / np.linalg.norm(centres, axis=1, keepdims=True)
    centres[MEL] = 0.5 * (centres[MEL] + centres[CLASSES.index("nv")])
    truth = generator.choice(7, size=n, p=prior)
    seen = centres[truth] + generator.normal(size=(n, 5))
    return truth, -0.5 * ((seen[:, None] - centres) ** 2).sum(axis=2)


def log_loss(truth: np.ndarray, probabilities: np.ndarray) -> float:
    return float(-np.log(probabilities[np.arange(len(truth)), truth]).mean())


def recall(truth: np.ndarray, predicted: np.ndarray, index: int = MEL) -> float:
    return float((predicted[truth == index] == index).mean())


def softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def test_priors_alone_turn_balanced_logits_into_the_true_posterior() -> None:
    _, logits = images(200, seed=1)
    plain = identity_calibration(CLASSES, natural_prior=NATURAL, trained_prior=BALANCED)
    posterior = np.exp(logits) * NATURAL
    posterior /= posterior.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(calibrated_probabilities(logits, plain), posterior, atol=1e-12)
    assert not plain.fitted


@pytest.mark.parametrize("temperature", [1.0, 0.3, 4.0])
def test_decision_without_a_shift_is_the_balanced_argmax(temperature: float) -> None:
    _, logits = images(2000, seed=2)
    plain = identity_calibration(CLASSES, natural_prior=NATURAL, trained_prior=BALANCED)
    cooled = calibrated_probabilities(logits / temperature, plain)
    np.testing.assert_array_equal(decide(cooled, plain), logits.argmax(axis=1))


def test_class_balanced_network_keeps_its_melanoma_recall_while_its_calibration_error_falls() -> None:
    # A class-balanced network that is twice as sure of itself as it should be, calibrated each time on as
    # many images as half of HAM10000's validation part has. With 83 melanomas there, the recall moves by 1.5
    # points (standard deviation) from one calibration to the next, and on average not at all.
    changes = []
    for seed in range(3, 13):
        truth, logits = images(750, seed=seed)
        new_truth, new_logits = images(8000, seed=seed + 100)
        fitted = fit_calibration(2 * logits, truth, CLASSES, natural_prior=NATURAL, trained_prior=BALANCED)
        probabilities = calibrated_probabilities(2 * new_logits, fitted)

        before = reliability(new_truth, softmax(2 * new_logits)).ece
        after = reliability(new_truth, probabilities).ece
        assert after < 0.03
        assert after < 0.3 * before
        uncalibrated = recall(new_truth, new_logits.argmax(axis=1))
        # What would be lost if the largest calibrated probability decided:
        assert recall(new_truth, probabilities.argmax(axis=1)) < uncalibrated - 0.08
        changes.append(recall(new_truth, decide(probabilities, fitted)) - uncalibrated)
    assert np.mean(changes) == pytest.approx(0.0, abs=0.01)
    assert np.abs(changes).max() < 0.04


def test_finds_temperature_and_bias_of_the_network() -> None:
    truth, logits = images(6000, seed=6)
    bias = np.array([0.0, 0.0, 0.0, 0.0, -0.8, 0.0, 0.0])
    fitted = fit_calibration(
        (logits + bias) * 1.7, truth, CLASSES, natural_prior=NATURAL, trained_prior=BALANCED
    )
    assert fitted.temperature == pytest.approx(1.7, rel=0.06)
    shift = np.array(list(fitted.bias.values())) - np.log(NATURAL / BALANCED)
    assert shift[MEL] - shift[CLASSES.index("nv")] == pytest.approx(0.8, abs=0.15)
    assert fitted.n == 6000
    assert fitted.fitted
    assert "6,000 images" in fitted.describe()


def test_probabilities_speak_of_the_natural_prior_even_where_the_calibration_images_do_not() -> None:
    truth, logits = images(3000, seed=7)
    generator = np.random.default_rng(0)
    kept = (truth != MEL) | (generator.uniform(size=3000) < 0.4)  # too few melanomas, by chance of the split
    fitted = fit_calibration(
        logits[kept], truth[kept], CLASSES, natural_prior=NATURAL, trained_prior=BALANCED
    )
    _, new_logits = images(20_000, seed=8)
    mean = calibrated_probabilities(new_logits, fitted).mean(axis=0)
    np.testing.assert_allclose(mean, NATURAL, atol=0.01)
    assert fitted.prior == pytest.approx(dict(zip(CLASSES, NATURAL, strict=True)))


def test_plain_cross_entropy_starts_from_its_own_prior_and_gains_melanoma_recall() -> None:
    truth, logits = images(750, seed=9)
    new_truth, new_logits = images(8000, seed=10)
    natural_logits, new_natural_logits = logits + np.log(NATURAL), new_logits + np.log(NATURAL)
    fitted = fit_calibration(natural_logits, truth, CLASSES, natural_prior=NATURAL, trained_prior=NATURAL)
    assert np.abs(list(fitted.bias.values())).max() < 0.6
    predicted = decide(calibrated_probabilities(new_natural_logits, fitted), fitted)
    assert recall(new_truth, predicted) > recall(new_truth, new_natural_logits.argmax(axis=1)) + 0.15


def test_a_handful_of_images_moves_a_bias_little_and_does_no_harm() -> None:
    losses = []
    for seed in range(5):
        truth, logits = images(60, seed=20 + seed)
        new_truth, new_logits = images(4000, seed=40 + seed)
        fitted = fit_calibration(2 * logits, truth, CLASSES, natural_prior=NATURAL, trained_prior=BALANCED)
        plain = identity_calibration(CLASSES, natural_prior=NATURAL, trained_prior=BALANCED)
        shift = np.array(list(fitted.bias.values())) - np.array(list(plain.bias.values()))
        assert np.abs(shift).max() < 1.0
        losses.append(
            [log_loss(new_truth, calibrated_probabilities(2 * new_logits, one)) for one in (fitted, plain)]
        )
    fitted_loss, plain_loss = np.mean(losses, axis=0)
    assert fitted_loss < plain_loss


def test_class_without_calibration_images_keeps_its_start() -> None:
    truth, logits = images(500, seed=11)
    kept = truth != CLASSES.index("df")
    fitted = fit_calibration(
        2 * logits[kept], truth[kept], CLASSES, natural_prior=NATURAL, trained_prior=BALANCED
    )
    start = np.log(NATURAL / BALANCED)
    assert fitted.bias["df"] == pytest.approx(start[CLASSES.index("df")])
    assert "The bias of df was not fitted" in fitted.describe()
    # The others are not raised against it either.
    shift = np.array(list(fitted.bias.values())) - start
    assert shift.sum() == pytest.approx(0.0, abs=1e-3)
    assert np.abs(shift).max() > 0.01


@pytest.mark.parametrize("n", [0, 1, MINIMUM_IMAGES - 1])
def test_too_few_images_fall_back_to_the_priors_and_say_so(n: int) -> None:
    truth, logits = images(n, seed=12)
    result = fit_calibration(logits, truth, CLASSES, natural_prior=NATURAL, trained_prior=BALANCED)
    plain = identity_calibration(CLASSES, natural_prior=NATURAL, trained_prior=BALANCED)
    assert result.bias == plain.bias
    assert result.temperature == 1.0
    assert not result.fitted
    assert result.n == 0
    assert f"{MINIMUM_IMAGES} are needed" in result.note


def test_images_of_one_class_fit_nothing() -> None:
    logits = np.random.default_rng(0).normal(size=(100, 7))
    result = fit_calibration(
        logits, np.full(100, MEL), CLASSES, natural_prior=NATURAL, trained_prior=BALANCED
    )
    assert not result.fitted
    assert "are of one class" in result.note


def test_a_network_without_a_mistake_gets_a_finite_temperature() -> None:
    truth = np.arange(140) % 7
    fitted = fit_calibration(
        10.0 * np.eye(7)[truth], truth, CLASSES, natural_prior=BALANCED, trained_prior=BALANCED
    )
    assert 0.05 <= fitted.temperature <= 1.0
    assert np.isfinite(list(fitted.bias.values())).all()


def test_class_that_was_never_trained_is_never_predicted() -> None:
    natural = NATURAL.copy()
    natural[0] = 0.0
    truth, logits = images(400, seed=13)
    fitted = fit_calibration(logits, truth, CLASSES, natural_prior=natural, trained_prior=BALANCED)
    probabilities = calibrated_probabilities(logits, fitted)
    assert fitted.decision_weights["akiec"] == 0.0
    assert probabilities[:, 0].mean() < 1e-3
    assert 0 not in decide(probabilities, fitted)


def test_logits_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(TrainerError, match="diverged"):
        fit_calibration([[np.nan, 0.0]], [0], ("a", "b"), natural_prior=[0.5, 0.5], trained_prior=[0.5, 0.5])


@pytest.mark.parametrize(
    ("imbalance", "expected"),
    [
        (Imbalance(method="none"), [0.8, 0.2]),
        (Imbalance(method="focal"), [0.8, 0.2]),
        (Imbalance(method="class-weights"), [0.5, 0.5]),
        (Imbalance(method="balanced-sampling"), [0.5, 0.5]),
        (Imbalance(method="logit-adjustment"), [0.5, 0.5]),
        (Imbalance(method="logit-adjustment", adjustment_tau=0.0), [0.8, 0.2]),
        (Imbalance(method="logit-adjustment", adjustment_tau=0.5), [2 / 3, 1 / 3]),
    ],
)
def test_each_loss_has_its_prior(imbalance: Imbalance, expected: list[float]) -> None:
    np.testing.assert_allclose(trained_prior(imbalance, [80, 20]), expected)
