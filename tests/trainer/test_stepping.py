from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.config import Imbalance, Schedule
from trainer.errors import TrainerError
from trainer.training.losses import decision_offset, make_loss, natural_prior
from trainer.training.schedules import learning_rate
from trainer.training.stepping import Stepper

TRUTH = np.array([0] * 80 + [1] * 15 + [2] * 5)
NATURAL = natural_prior(TRUTH, 3)


def stepper(layer: Any, **changes: Any) -> Stepper:
    settings: dict[str, Any] = {"weight_decay": 0.0, "clip_norm": 0.0, "scale_loss": False, "average": 0.0}
    loss = make_loss(Imbalance(method="none"), NATURAL)
    offset = np.zeros(3, dtype=np.float32)
    return Stepper(
        layer, layer.trainable_variables, loss, offset, tf.distribute.get_strategy(), **(settings | changes)
    )


@pytest.fixture
def layer() -> Any:
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(3)
    dense.build((None, 4))
    return dense


def batch(seed: int = 0, count: int = 8) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(count, 4)).astype(np.float32)
    truth = generator.integers(0, 3, count)
    return tf.constant(inputs), tf.constant(truth), tf.ones(count)


def test_a_step_is_adamw_on_the_mean_loss(layer: Any) -> None:
    inputs, truth, weights = batch()
    reference = keras.layers.Dense(3)
    reference.build((None, 4))
    reference.set_weights(layer.get_weights())
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(truth, reference(inputs)))
    gradients = tape.gradient(loss, [v.value for v in reference.trainable_variables])
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.3)
    optimizer.exclude_from_weight_decay([reference.bias])
    optimizer.apply(gradients, reference.trainable_variables)
    result = stepper(layer, weight_decay=0.3).step([(inputs, truth, weights)], 8, 0.1)
    assert result.applied
    assert result.loss == pytest.approx(8 * float(loss), rel=1e-5)
    assert result.gradient_norm == pytest.approx(float(tf.linalg.global_norm(gradients)), rel=1e-5)
    assert result.confusion.sum() == 8
    for own, expected in zip(layer.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-6)


def test_accumulated_micro_batches_are_one_large_batch(layer: Any) -> None:
    start = layer.get_weights()
    inputs, truth, weights = batch(count=12)
    stepper(layer).step([(inputs, truth, weights)], 12, 0.1)
    large = layer.get_weights()
    layer.set_weights(start)
    parts = [(inputs[k : k + 4], truth[k : k + 4], weights[k : k + 4]) for k in (0, 4, 8)]
    stepper(layer).step(parts, 12, 0.1)
    for own, expected in zip(layer.get_weights(), large, strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-5)


def test_samples_of_weight_zero_do_not_count(layer: Any) -> None:
    start = layer.get_weights()
    inputs, truth, weights = batch()
    stepper(layer).step([(inputs[:5], truth[:5], weights[:5])], 5, 0.1)
    five = layer.get_weights()
    layer.set_weights(start)
    masked = tf.constant([1.0] * 5 + [0.0] * 3)
    result = stepper(layer).step([(inputs, truth, masked)], 5, 0.1)
    assert result.confusion.sum() == 5
    for own, expected in zip(layer.get_weights(), five, strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-6)


def test_clipping_limits_the_norm_once_for_all_variables(layer: Any) -> None:
    moved: list[tf.Tensor] = []
    plain = stepper(layer, clip_norm=0.01)
    plain.optimizer.apply = lambda gradients, _variables: moved.extend(gradients)
    plain._apply_function = plain._apply
    result = plain.step([batch()], 8, 0.1)
    assert result.gradient_norm > 0.01
    assert float(tf.linalg.global_norm(moved)) == pytest.approx(0.01, rel=1e-4)


def test_a_step_with_infinite_gradients_is_left_out_and_halves_the_scale(layer: Any) -> None:
    start = layer.get_weights()
    inputs, truth, weights = batch()
    scaled = stepper(layer, scale_loss=True)
    before = scaled.loss_scale
    result = scaled.step([(inputs * np.float32(1e38), truth, weights)], 8, 0.1)
    assert not result.applied
    assert scaled.loss_scale == before / 2
    for own, expected in zip(layer.get_weights(), start, strict=True):
        np.testing.assert_array_equal(own, expected)
    assert scaled.step([batch()], 8, 0.1).applied


def test_loss_scaling_changes_nothing_else(layer: Any) -> None:
    start = layer.get_weights()
    stepper(layer).step([batch()], 8, 0.1)
    plain = layer.get_weights()
    layer.set_weights(start)
    stepper(layer, scale_loss=True).step([batch()], 8, 0.1)
    for own, expected in zip(layer.get_weights(), plain, strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-5)


def test_training_that_diverges_ends_with_a_sentence(layer: Any) -> None:
    broken = stepper(layer)
    inputs, truth, weights = batch()
    bad = [(inputs * np.float32(np.inf), truth, weights)]
    for _ in range(24):
        assert not broken.step(bad, 8, 0.1).applied
    with pytest.raises(TrainerError, match="Lower the learning rate"):
        broken.step(bad, 8, 0.1)


def test_averages_follow_the_weights(layer: Any) -> None:
    averaging = stepper(layer, average=0.9)
    for seed in range(5):
        averaging.step([batch(seed)], 8, 0.1)
    for average, variable in zip(averaging.averages, averaging.variables, strict=True):
        assert 0 < np.abs(average.numpy() - variable.numpy()).max() < 0.5


def test_state_comes_back(layer: Any) -> None:
    first = stepper(layer, average=0.9)
    first.step([batch(0)], 8, 0.1)
    weights, arrays = layer.get_weights(), first.arrays()
    first.step([batch(1)], 8, 0.1)
    expected = layer.get_weights()
    layer.set_weights(weights)
    second = stepper(layer, average=0.9)
    second.restore(arrays)
    second.step([batch(1)], 8, 0.1)
    for own, value in zip(layer.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(own, value)
    for name, array in first.arrays().items():
        np.testing.assert_array_equal(second.arrays()[name], array)


TWO_REPLICAS = """
import json, sys
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from trainer.config import HeadSettings, Imbalance
from trainer.training.losses import make_loss, natural_prior
from trainer.network.network import Network
from trainer.training.stepping import Stepper

def train(strategy):
    with strategy.scope():
        network = Network("tiny", 3, HeadSettings(dense=(8,), dropout=0.0), seed=0)
    variables = network.trainable_variables("fine-tune")
    loss = make_loss(Imbalance(), natural_prior(np.array([0, 0, 1, 2]), 3))
    stepper = Stepper(lambda x: network.model(x, training=True), variables, loss,
                      np.zeros(3, np.float32), strategy, weight_decay=0.01, clip_norm=0.5,
                      scale_loss=True, average=0.9)
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (6, 8, 32, 32, 3), dtype=np.uint8)
    truth = generator.integers(0, 3, (6, 8))
    weights = np.ones((6, 8), np.float32)
    weights[2, 5:] = 0
    dataset = tf.data.Dataset.from_tensor_slices((images, truth, weights))
    if strategy.num_replicas_in_sync > 1:
        dataset = strategy.experimental_distribute_dataset(dataset)
    parts = list(dataset)
    results = [stepper.step(parts[k : k + 2], float(weights[k : k + 2].sum()), 1e-2) for k in (0, 2, 4)]
    return ([r.loss for r in results], [r.gradient_norm for r in results],
            [r.confusion.sum().item() for r in results],
            np.concatenate([v.numpy().ravel() for v in variables]),
            np.concatenate([v.numpy().ravel() for v in stepper.averages]))

one = train(tf.distribute.get_strategy())
two = train(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
print(json.dumps({
    "loss": [one[0], two[0]], "norm": [one[1], two[1]], "seen": [one[2], two[2]],
    "weights": float(np.abs(one[3] - two[3]).max()), "averages": float(np.abs(one[4] - two[4]).max()),
    "moved": float(np.abs(one[3]).max()),
}))
"""


def test_two_replicas_do_what_one_does() -> None:
    done = subprocess.run([sys.executable, "-c", TWO_REPLICAS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(*result["loss"], rtol=1e-3)
    np.testing.assert_allclose(*result["norm"], rtol=1e-2)
    assert result["seen"][0] == result["seen"][1] == [16, 13, 16]
    # Batch normalization of the head is synchronized; what is left is rounding, which Adam enlarges.
    assert result["weights"] < 5e-3
    assert result["averages"] < 5e-3


@pytest.mark.parametrize(
    "method", ["none", "class-weights", "balanced-sampling", "focal", "logit-adjustment"]
)
def test_losses_are_their_papers_formulas(method: Any) -> None:
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(20, 3)).astype(np.float32)
    truth = generator.integers(0, 3, 20)
    shifted = logits + (np.log(NATURAL) if method == "logit-adjustment" else 0)
    probability = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    entropy = -np.log(probability[np.arange(20), truth])
    expected = {
        "class-weights": entropy / (3 * NATURAL[truth]),
        "focal": (1 - np.exp(-entropy)) ** 2 * entropy,
    }.get(method, entropy)
    own = make_loss(Imbalance(method=method), NATURAL)(tf.constant(logits), tf.constant(truth))
    np.testing.assert_allclose(own, expected, rtol=1e-4)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_a_sample_that_is_surely_right_leaves_the_focal_gradient_finite(gamma: float) -> None:
    loss = make_loss(Imbalance(method="focal", focal_gamma=gamma), NATURAL)
    logits = tf.Variable([[60.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(loss(logits, tf.constant([0, 1])))
    gradient = tape.gradient(total, logits).numpy()
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(gradient[0], 0, atol=1e-6)
    assert np.abs(gradient[1]).max() > 0.05


def test_class_weights_average_to_one_over_the_training_samples() -> None:
    own = make_loss(Imbalance(method="class-weights"), NATURAL)(tf.zeros((100, 3)), tf.constant(TRUTH))
    assert float(tf.reduce_mean(own)) == pytest.approx(np.log(3), rel=1e-4)


def test_decisions_are_for_a_balanced_prior_whatever_the_loss() -> None:
    for method in ("class-weights", "balanced-sampling", "logit-adjustment"):
        assert np.ptp(decision_offset(Imbalance(method=method), NATURAL)) < 1e-6
    for method in ("none", "focal"):
        offset = decision_offset(Imbalance(method=method), NATURAL)
        np.testing.assert_allclose(offset, -np.log(NATURAL), rtol=1e-6)


def test_the_cosine_warms_up_and_ends_where_asked() -> None:
    schedule = Schedule(kind="cosine", warmup=0.1, final_share=0.05)
    rates = [learning_rate(schedule, 2.0, step, 100, 50) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10] == max(rates) == pytest.approx(2.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.1)
    assert min(rates) > 0


def test_warming_up_takes_an_epoch_at_most() -> None:
    rates = [learning_rate(Schedule(kind="constant", warmup=0.5), 1.0, step, 100, 5) for step in range(100)]
    assert rates[4] < 1.0
    assert set(rates[5:]) == {1.0}


def test_a_plateau_lowers_the_rate() -> None:
    assert learning_rate(Schedule(kind="plateau", warmup=0), 1.0, 5, 100, 10, 0.3) == pytest.approx(0.3)
