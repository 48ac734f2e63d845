"""One optimizer step: gradients of one or more micro-batches, reduced, unscaled, checked, clipped, applied.

The order matters with several replicas: gradients are summed over them first, then checked and clipped once,
so that one replica's overflow can neither slip through nor be clipped differently elsewhere.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from trainer.errors import TrainerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from trainer.training.losses import Loss

_LARGEST_SCALE = 2.0**15
_STEPS_BEFORE_GROWTH = 2000
"""After so many finite steps the loss scale doubles (Micikevicius et al. 2018, arXiv:1710.03740)."""
_BAD_STEPS_ALLOWED = 25


class StepResult(NamedTuple):
    """What a step has shown.

    Attributes:
        loss: sum of the samples' losses.
        confusion: decisions, int64 (classes, classes), rows are the truth.
        applied: whether the weights moved; not if a gradient was not finite.
        gradient_norm: before clipping.
    """

    loss: float
    confusion: NDArray[np.int64]
    applied: bool
    gradient_norm: float


class Stepper:
    """Trains some variables of a network through `forward`.

    Args:
        forward: inputs to logits (n, c), in training mode.
        variables: what is trained.
        loss: of each sample.
        offset: added to logits before the argmax, float32 (c,).
        strategy: where replicas live.
        weight_decay: AdamW's, on kernels only.
        clip_norm: largest global gradient norm; 0 for no clipping.
        scale_loss: whether to scale the loss, for float16.
        average: decay of the moving average of the weights; 0 for none.
    """

    def __init__(
        self,
        forward: Callable[[tf.Tensor], tf.Tensor],
        variables: Sequence[Any],
        loss: Loss,
        offset: NDArray[np.float32],
        strategy: tf.distribute.Strategy,
        *,
        weight_decay: float,
        clip_norm: float,
        scale_loss: bool,
        average: float,
    ) -> None:
        self.variables = list(variables)
        self.strategy = strategy
        self.loss_scale = _LARGEST_SCALE if scale_loss else 1.0
        self.finite_steps = 0
        self.bad_steps = 0
        self._scale_loss = scale_loss
        self._clip_norm = clip_norm
        self._average = average
        self._forward, self._loss, self._offset = forward, loss, offset
        self._classes = len(offset)
        with strategy.scope():
            self.optimizer = keras.optimizers.AdamW(1e-3, weight_decay=weight_decay)
            if weight_decay:
                self.optimizer.exclude_from_weight_decay([v for v in self.variables if len(v.shape) < 2])  # noqa: PLR2004 - biases and normalization are vectors
            self.optimizer.build(self.variables)
            self._sums = [self._mirrored(tf.zeros(v.shape), f"sum{k}") for k, v in enumerate(self.variables)]
            self.averages = (
                [self._mirrored(v.numpy(), f"average{k}") for k, v in enumerate(self.variables)]
                if average
                else []
            )
        self._gradients_function = tf.function(self._reduced_gradients, autograph=False)
        self._norm_function = tf.function(self._norm, autograph=False)
        self._apply_function = tf.function(self._apply, autograph=False)

    @staticmethod
    def _mirrored(value: Any, name: str) -> tf.Variable:  # noqa: ANN401 - an array or a tensor
        return tf.Variable(
            value,
            trainable=False,
            name=name,
            dtype=tf.float32,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def step(
        self, micro_batches: Sequence[tuple[Any, Any, Any]], weight: float, learning_rate: float
    ) -> StepResult:
        """Take one optimizer step.

        Args:
            micro_batches: (inputs, truth, weights) each; together one step.
            weight: sum of all their weights.
            learning_rate: of this step.

        Raises:
            TrainerError: the gradients have not been finite for many steps.
        """
        loss, confusion = 0.0, np.zeros((self._classes, self._classes), dtype=np.int64)
        for inputs, truth, weights in micro_batches:
            part_loss, part_confusion = self._gradients_function(
                inputs, truth, weights, tf.constant(self.loss_scale / weight, tf.float32)
            )
            loss += float(part_loss)
            confusion += part_confusion.numpy()
        norm = float(self._norm_function()) / self.loss_scale
        finite = bool(np.isfinite(norm))
        factor = 1 / self.loss_scale
        if finite and self._clip_norm and norm > self._clip_norm:
            factor *= self._clip_norm / norm
        self._count(finite=finite)
        if finite:
            self.optimizer.learning_rate.assign(learning_rate)
            self._apply_function(tf.constant(factor, tf.float32), tf.constant(self._decay(), tf.float32))
        for total in self._sums:
            total.assign(tf.zeros_like(total))
        return StepResult(loss, confusion, finite, norm)

    def _decay(self) -> float:
        # Early on the average follows quickly, so that it does not hold on to where the stage began.
        taken = int(self.optimizer.iterations.numpy())
        return min(self._average, (1 + taken) / (10 + taken))

    def _count(self, *, finite: bool) -> None:
        if finite:
            self.bad_steps = 0
            self.finite_steps += 1
            if self._scale_loss and self.finite_steps >= _STEPS_BEFORE_GROWTH:
                self.loss_scale, self.finite_steps = min(self.loss_scale * 2, 2.0**24), 0
            return
        self.bad_steps += 1
        self.finite_steps = 0
        if self._scale_loss:
            self.loss_scale = max(self.loss_scale / 2, 1.0)
        if self.bad_steps >= _BAD_STEPS_ALLOWED:
            raise TrainerError(
                f"Training has diverged: the gradients were not finite for {self.bad_steps} steps in a row. "
                "Lower the learning rate, or use precision float32, and start again."
            )

    def _reduced_gradients(
        self, inputs: tf.Tensor, truth: tf.Tensor, weights: tf.Tensor, factor: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        def on_replica(
            inputs: tf.Tensor, truth: tf.Tensor, weights: tf.Tensor, factor: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                logits = self._forward(inputs)
                loss = tf.reduce_sum(self._loss(logits, truth) * weights)
                scaled = loss * factor
            gradients = tape.gradient(scaled, [variable.value for variable in self.variables])
            context = tf.distribute.get_replica_context()
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
            for total, gradient in zip(self._sums, gradients, strict=True):
                total.assign_add(tf.cast(gradient, tf.float32))
            decided = tf.argmax(logits + self._offset, axis=-1)
            confusion = tf.math.confusion_matrix(
                truth, decided, self._classes, weights=tf.cast(weights > 0, tf.int64), dtype=tf.int64
            )
            return loss, confusion

        loss, confusion = self.strategy.run(on_replica, args=(inputs, truth, weights, factor))
        total = tf.distribute.ReduceOp.SUM
        return self.strategy.reduce(total, loss, axis=None), self.strategy.reduce(total, confusion, axis=None)

    def _norm(self) -> tf.Tensor:
        return tf.linalg.global_norm([tf.convert_to_tensor(total) for total in self._sums])

    def _apply(self, factor: tf.Tensor, decay: tf.Tensor) -> None:
        # Keras sums gradients over replicas as it applies them; these are sums already.
        share = factor / self.strategy.num_replicas_in_sync

        def on_replica() -> None:
            gradients = [tf.convert_to_tensor(total) * share for total in self._sums]
            self.optimizer.apply(gradients, self.variables)
            for average, variable in zip(self.averages, self.variables, strict=bool(self.averages)):
                average.assign(average * decay + (1 - decay) * tf.cast(variable.value, tf.float32))

        self.strategy.run(on_replica)

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the moving averages in the weights' place for a while, if there are any."""
        own = [variable.numpy() for variable in self.variables] if self.averages else []
        for variable, average in zip(self.variables, self.averages, strict=bool(self.averages)):
            variable.assign(average.numpy())
        try:
            yield
        finally:
            for variable, value in zip(self.variables, own, strict=bool(own)):
                variable.assign(value)

    def assign_averages(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Give the variables the averages that `arrays` holds; without any they stay as they are."""
        if self.averages and "average.0000" in arrays:
            for k, variable in enumerate(self.variables):
                variable.assign(arrays[f"average.{k:04d}"])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the optimizer's state and the averages, by name."""
        arrays = {f"optimizer.{k:04d}": v.numpy() for k, v in enumerate(self.optimizer.variables)}
        arrays |= {f"average.{k:04d}": v.numpy() for k, v in enumerate(self.averages)}
        return arrays

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Set what `arrays` returned."""
        for k, variable in enumerate(self.optimizer.variables):
            variable.assign(arrays[f"optimizer.{k:04d}"])
        for k, variable in enumerate(self.averages):
            variable.assign(arrays[f"average.{k:04d}"])
