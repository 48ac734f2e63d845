"""A run from its dataset to its bundle: read it from top to bottom.

Stage `head` trains on cached features, stage `fine-tune` on images; both go through the same loop. After
every step the run can be stopped, and what is saved then, at the end of each epoch and every few minutes is
enough to go on to the same result: weights, optimizer, averages, random states, place in the epoch, sums of
its metrics, what early stopping knows. Orders, views, augmentation follow from seeds and need no saving.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from trainer.config import check_config
from trainer.errors import StoppedError, TrainerError
from trainer.events import (
    EpochEnded,
    Failed,
    Finished,
    StageEnded,
    StageStarted,
    StepDone,
    Stopped,
    silent,
)
from trainer.metrics.catalogue import ACCURACY, BALANCED_ACCURACY
from trainer.metrics.classification import epoch_metrics
from trainer.runs.folder import RunFolder
from trainer.training.finishing import finish_run
from trainer.training.losses import decision_offset, make_loss, natural_prior
from trainer.training.pacing import Clock, grouped, plan_stage, watched
from trainer.training.preparing import prepare_run
from trainer.training.saving import Saving, figure
from trainer.training.schedules import learning_rate
from trainer.training.stages import StageData, feature_stage, image_stage
from trainer.training.stepping import Stepper
from trainer.wording import n_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.config import RunConfig, StageName
    from trainer.dataset.store import DatasetStore
    from trainer.events import Listener, PartMetrics, StopRequest
    from trainer.runs.bundle import Manifest
    from trainer.runs.state import RunState
    from trainer.training.pacing import StagePlan
    from trainer.training.preparing import Prepared

_STOPPED = "Training was stopped; its progress is saved and it can be resumed."


def train(
    store: DatasetStore,
    folder: Path,
    config: RunConfig,
    *,
    cache_folder: Path,
    weights_dir: Path | None = None,
    resume: bool = False,
    listener: Listener = silent,
    stop: StopRequest | None = None,
) -> Manifest:
    """Train a network and leave a bundle.

    Args:
        store: a dataset with a split.
        folder: of the run; new or empty, or with `resume` that of a run that has begun.
        config: settings; with `resume` those the run was started with, apart from the device.
        cache_folder: where features are kept for later runs.
        weights_dir: where ImageNet weights are looked for first.
        resume: go on from the last checkpoint.
        listener: receives the events, which are also kept in the run's folder.
        stop: checked between batches.

    Returns:
        The manifest of the bundle in `folder/bundle`.

    Raises:
        StoppedError: on request, after a checkpoint was saved.
        TrainerError: any other failure that a user can cause.
    """
    config = check_config(config)
    run_folder = RunFolder(folder)
    if resume:
        run_folder.check_resumable()
    else:
        run_folder.check_free()
    with run_folder.locked():
        if not resume:
            run_folder.start(config)
        with run_folder.recorded(listener) as record, contextlib.ExitStack() as opened:
            try:
                prepared = prepare_run(
                    store, run_folder, config, opened, cache_folder, weights_dir, record, stop, resume=resume
                )
                run = _Run(prepared, run_folder, config, cache_folder, record, stop)
                # What was read from a checkpoint is not kept beside what it was given to.
                del prepared
                for index in range(run.state.stage, len(config.stages)):
                    run.train_stage(index)
                manifest = finish_run(
                    run.network, run.samples, store, run_folder, config, run.state, run.origin, record, stop
                )
            except StoppedError as error:
                record(Stopped(message=_STOPPED))
                raise StoppedError(_STOPPED) from error
            except TrainerError as error:
                record(Failed(message=str(error)))
                raise
            record(Finished(result=str(run_folder.bundle), summary=_summary(run.state)))
            if not config.keep_checkpoints:
                run_folder.remove_checkpoints()
            return manifest


def _summary(state: RunState) -> str:
    place, best = next(
        (place, epoch)
        for place, epoch in enumerate(state.history, start=1)
        if (epoch.stage, epoch.epoch) == (state.best_stage, state.best_epoch)
    )
    return (
        f"Best epoch: {place} of {len(state.history)}, stage {best.stage}, {BALANCED_ACCURACY.title} "
        f"{BALANCED_ACCURACY.figure(best.validation.macro_recall)}, "
        f"{ACCURACY.title} {ACCURACY.figure(best.validation.accuracy)} on the validation images that chose it "
        f"({n_of(sum(best.validation.support.values()))}, one view of each, before calibration)."
    )


class _Run:
    """One run while it goes on: what does not change, and the state that does."""

    def __init__(
        self,
        prepared: Prepared,
        folder: RunFolder,
        config: RunConfig,
        cache_folder: Path,
        listener: Listener,
        stop: StopRequest | None,
    ) -> None:
        self.samples, self.source, self.network = prepared.samples, prepared.source, prepared.network
        self.strategy, self.state, self.origin = prepared.strategy, prepared.state, prepared.origin
        self.pending = prepared.pending
        self.folder, self.config, self.cache_folder = folder, config, cache_folder
        self.listener, self.stop = listener, stop
        metric = config.early_stopping.metric
        self.saving = Saving(self.network, folder, prepared.checkpoints, self.state, metric, listener)

    def train_stage(self, index: int) -> None:
        """Train one stage to its end, or raise `StoppedError` after saving a checkpoint."""
        config, state, samples = self.config, self.state, self.samples
        if index != state.stage:
            state.begin_stage(index)
        plan = plan_stage(
            config, config.stages[index], len(samples.train), self.strategy.num_replicas_in_sync
        )
        data = self._stage_data(plan.name)
        natural = natural_prior(samples.truth[samples.train], len(samples.classes))
        stepper = Stepper(
            data.forward,
            self.network.trainable_variables(plan.name, config.fine_tune_stage.from_block),
            make_loss(config.imbalance, natural),
            decision_offset(config.imbalance, natural),
            self.strategy,
            weight_decay=plan.settings.weight_decay,
            clip_norm=plan.clip_norm,
            scale_loss=state.precision == "float16",
            average=plan.average,
        )
        if self.pending is not None:
            self.saving.restore(stepper, self.pending)
            self.pending = None
        self.listener(
            StageStarted(
                stage=plan.name,
                epoch=state.epoch,
                epochs=plan.settings.epochs,
                steps_per_epoch=plan.steps,
                trainable_parameters=int(sum(np.prod(v.shape) for v in stepper.variables)),
                step=state.step,
            )
        )
        patience = config.early_stopping.patience
        reason = "all epochs done"
        while state.epoch < plan.settings.epochs:
            if patience and state.waited >= patience:
                reason = f"no improvement for {patience} epochs"
                break
            if state.step == 0:
                state.begin_epoch(len(samples.classes))
            # A run that was stopped while it validated has no step left in this epoch.
            if state.step < plan.steps:
                self._train_epoch(plan, data, stepper)
            self._end_epoch(plan, data, stepper, natural)
        self.saving.return_to_best(stepper)
        self.listener(StageEnded(stage=plan.name, reason=reason))

    def _stage_data(self, name: StageName) -> StageData:
        if name == "head":
            return feature_stage(
                self.samples,
                self.config,
                self.network,
                self.source,
                self.cache_folder,
                self.listener,
                self.stop,
            )
        return image_stage(self.samples, self.config, self.network, self.source)

    def _train_epoch(self, plan: StagePlan, data: StageData, stepper: Stepper) -> None:
        """Take the steps of an epoch that are left."""
        state = self.state
        clock, done = Clock(state.epoch_seconds), state.step
        epoch = state.epochs_before + state.epoch
        parts = data.batches(epoch, plan.batch_size, done * plan.accumulation, self.strategy)
        for micro_batches in grouped(parts, plan.accumulation):
            weight = sum(part[3] for part in micro_batches)
            taken = state.epoch * plan.steps + state.step
            rate = learning_rate(
                plan.settings.schedule,
                plan.settings.learning_rate,
                taken,
                plan.total_steps,
                plan.steps,
                state.rate_factor,
            )
            result = stepper.step([part[:3] for part in micro_batches], weight, rate)
            state.step += 1
            finite = bool(np.isfinite(result.loss))
            # A forward pass that overflowed moved no weight; JSON has no number for its loss either.
            if finite:
                state.loss_sum += result.loss
                state.weight_sum += weight
            state.confusion = (np.array(state.confusion) + result.confusion).tolist()
            state.loss_scale, state.finite_steps = stepper.loss_scale, stepper.finite_steps
            state.bad_steps = stepper.bad_steps
            state.epoch_seconds = clock.seconds()
            if finite and (clock.event_due() or state.step == plan.steps):
                speed = clock.per_second((state.step - done) * plan.images_per_step)
                remaining = (plan.total_steps - taken - 1) * plan.images_per_step
                self.listener(
                    StepDone(
                        stage=plan.name,
                        epoch=state.epoch + 1,
                        step=state.step,
                        steps=plan.steps,
                        loss=result.loss / weight,
                        accuracy=float(np.trace(result.confusion) / max(result.confusion.sum(), 1)),
                        learning_rate=rate,
                        images_per_second=speed,
                        seconds_left=remaining / max(speed, 1e-9),
                    )
                )
            if state.step < plan.steps:
                if self.stop is not None and self.stop.asked:
                    self.saving.save(stepper, plan.name)
                    raise StoppedError(_STOPPED)
                if clock.checkpoint_due(self.config.checkpoint_minutes):
                    self.saving.save(stepper, plan.name)

    def _end_epoch(
        self, plan: StagePlan, data: StageData, stepper: Stepper, natural: NDArray[np.float64]
    ) -> None:
        """Validate, remember the best epoch, save a checkpoint."""
        state, config, samples = self.state, self.config, self.samples
        begun = time.monotonic()
        mean_loss = state.loss_sum / max(state.weight_sum, 1e-9)
        train = epoch_metrics(np.array(state.confusion), mean_loss, samples.classes)
        try:
            with stepper.averaged():
                logits = data.logits(watched("Validation", len(samples.choosing), self.listener, self.stop))
        except StoppedError:
            self.saving.save(stepper, plan.name)
            raise
        truth = samples.truth[samples.choosing]
        loss = float(tf.reduce_mean(make_loss(config.imbalance, natural)(logits, truth)))
        decided = (logits + decision_offset(config.imbalance, natural)).argmax(axis=1)
        confusion = np.zeros((len(samples.classes),) * 2, dtype=np.int64)
        np.add.at(confusion, (truth, decided), 1)
        validation = epoch_metrics(confusion, loss, samples.classes)
        state.epoch += 1
        state.step = 0
        best = self._judge(plan, validation)
        event = EpochEnded(
            stage=plan.name,
            epoch=state.epoch,
            train=train,
            validation=validation,
            learning_rate=float(stepper.optimizer.learning_rate.numpy()),
            seconds=state.epoch_seconds + time.monotonic() - begun,
            best=best,
        )
        state.history.append(event)
        self.saving.save(stepper, plan.name, best=best)
        self.folder.write_history(state.history)
        self.listener(event)
        if self.stop is not None and self.stop.asked:
            raise StoppedError(_STOPPED)

    def _judge(self, plan: StagePlan, validation: PartMetrics) -> bool:
        """Update early stopping and plateaus; return whether this is the best epoch over all stages."""
        state, stopping = self.state, self.config.early_stopping
        value = figure(validation, stopping.metric)
        if state.stage_best is None or value > state.stage_best + stopping.min_delta:
            state.stage_best, state.waited, state.rate_waited = value, 0, 0
        else:
            state.waited += 1
            state.rate_waited += 1
        schedule = plan.settings.schedule
        if schedule.kind == "plateau" and state.rate_waited >= schedule.plateau_patience:
            state.rate_factor *= schedule.plateau_factor
            state.rate_waited = 0
        if state.best_value is not None and value <= state.best_value + stopping.min_delta:
            return False
        state.best_value, state.best_stage, state.best_epoch = value, plan.name, state.epoch
        return True
