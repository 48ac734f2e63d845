"""A run from its dataset to its bundle: read it from top to bottom.

Stage `head` trains on cached features, stage `fine-tune` on images; both go through the same loop. After
every step the run can be stopped, and what is saved then, at the end of each epoch and every few minutes is
enough to go on to the same result: weights, optimizer, averages, random states, place in the epoch, sums of
its metrics, what early stopping knows. Orders, views, augmentation follow from seeds and need no saving.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
import time
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import tensorflow as tf

from trainer.config import check_config
from trainer.devices import choose_device, resolve_precision
from trainer.errors import CheckpointError, StoppedError, TrainerError
from trainer.estimate import estimate_cost
from trainer.events import (
    CheckpointSaved,
    EpochEnded,
    Failed,
    Finished,
    Progress,
    Said,
    StageEnded,
    StageStarted,
    StepDone,
    Stopped,
    Warned,
    silent,
)
from trainer.files import write_bytes
from trainer.finishing import finish_run
from trainer.gpu import prepare_device
from trainer.losses import decision_offset, make_loss, natural_prior
from trainer.metrics import epoch_metrics
from trainer.network import Network
from trainer.pacing import Clock, grouped, plan_stage
from trainer.pipeline import ImageSource
from trainer.runs import RunFolder, RunState, decode_state
from trainer.schedules import learning_rate
from trainer.stages import StageData, collect_samples, feature_stage, image_stage
from trainer.stepping import Stepper
from trainer.weights import find_weights, load_backbone_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.bundle import Manifest
    from trainer.checkpoint import CheckpointStore
    from trainer.config import RunConfig, StageName
    from trainer.dataset.store import DatasetStore
    from trainer.devices import Device
    from trainer.events import Listener, PartMetrics, StopRequest
    from trainer.pacing import StagePlan
    from trainer.stages import Samples

_STATISTICS_IMAGES = 512
_STATISTICS_BATCH = 64
_STOPPED = "Training was stopped and what it had done is saved; it can be resumed."


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
        listener: hears events; they are also kept in the run's folder.
        stop: asked between batches.

    Returns:
        The manifest of the bundle in `folder/bundle`.

    Raises:
        StoppedError: on request, after a checkpoint was saved.
        TrainerError: any other of its kinds, in words.
    """
    config = check_config(config)
    run_folder = RunFolder(folder)
    if not resume:
        run_folder.check_free()
    with run_folder.locked():
        if not resume:
            run_folder.start(config)
        with run_folder.recorded(listener) as record, contextlib.ExitStack() as opened:
            run = _Run(store, run_folder, config, cache_folder, record, stop)
            try:
                run.prepare(weights_dir, opened, resume=resume)
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
            return manifest


def _summary(state: RunState) -> str:
    best = next(e for e in state.history if (e.stage, e.epoch) == (state.best_stage, state.best_epoch))
    return (
        f"Best epoch: {best.stage} {best.epoch}, validation macro recall {best.validation.macro_recall:.3f}, "
        f"accuracy {best.validation.accuracy:.3f}."
    )


def replicas(device: Device) -> tf.distribute.Strategy:
    """Return the strategy for a device: mirrored over several GPUs, otherwise none."""
    kind = "GPU" if device.kind == "gpu" else "CPU"
    devices = tf.config.list_logical_devices(kind)
    if device.kind == "gpu" and len(devices) > 1:
        return mirrored(tuple(d.name for d in devices))
    if device.kind == "gpu":
        return tf.distribute.OneDeviceStrategy(devices[0].name)
    return tf.distribute.get_strategy()


@functools.cache
def mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """Return the strategy for several devices, one object in a process.

    A second object would number its collective operations from the start again, and TensorFlow takes them for
    those of the first.
    """
    return tf.distribute.MirroredStrategy(list(devices))


class _Run:
    """One run while it goes on: what does not change, and the state that does."""

    samples: Samples
    network: Network
    source: ImageSource
    state: RunState
    strategy: tf.distribute.Strategy
    origin: str

    def __init__(
        self,
        store: DatasetStore,
        folder: RunFolder,
        config: RunConfig,
        cache_folder: Path,
        listener: Listener,
        stop: StopRequest | None,
    ) -> None:
        self.store, self.folder, self.config = store, folder, config
        self.cache_folder, self.listener, self.stop = cache_folder, listener, stop
        self.checkpoints: CheckpointStore = folder.checkpoints()
        self.pending: dict[str, NDArray[Any]] | None = None

    # --- before the first step ---------------------------------------------------------------------------

    def prepare(self, weights_dir: Path | None, opened: contextlib.ExitStack, *, resume: bool) -> None:
        """Collect samples, build the network, load its weights or the checkpoint's, say what it will cost.

        What must be closed after the run is left to `opened`.
        """
        config = self.config
        self.samples = self._collect_samples()
        device = choose_device(config.device)
        self.listener(Said(message=device.reason))
        checkpoint = self.checkpoints.load_latest(self.listener) if resume else None
        fingerprint = self.store.fingerprint()
        if checkpoint is not None:
            self.state = decode_state(checkpoint.state)
            self._check_dataset(fingerprint, self.state.fingerprint)
            # The precision stays; a device that cannot compute in it is refused.
            resolve_precision(self.state.precision, device)
        else:
            precision = resolve_precision(config.precision, device)
            self.state = RunState(fingerprint=fingerprint, precision=precision)
        if config.deterministic:
            tf.config.experimental.enable_op_determinism()
        prepare_device(device)
        self.strategy = replicas(device)
        with self.strategy.scope():
            self.network = Network(
                config.backbone,
                len(self.samples.classes),
                config.head,
                input_size=config.input_size,
                precision=self.state.precision,
                seed=config.seed,
            )
        self.network.backbone.block(config.fine_tune_stage.from_block)
        self.source = ImageSource(
            self.samples.paths, self.network.input_size, config.geometry, config.cache_mib
        )
        opened.callback(self.source.close)
        initial = self.folder.initial_checkpoint()
        started = initial.load_latest(self.listener) if resume else None
        if started is not None:
            start = msgspec.json.decode(started.state)
            self._check_dataset(fingerprint, start.get("fingerprint", fingerprint))
            self.origin = start["origin"]
            self.network.assign(started.arrays)
        else:
            self.state = RunState(fingerprint=fingerprint, precision=self.state.precision)
            checkpoint = None
            self.origin = self._initial_weights(weights_dir)
            state = msgspec.json.encode({"origin": self.origin, "fingerprint": fingerprint})
            initial.save(self.network.arrays(), state, step=0)
            certificate = self.store.certificate()
            write_bytes(
                self.folder.split_file, msgspec.json.format(msgspec.json.encode(certificate), indent=1)
            )
        if checkpoint is not None:
            self.network.assign(self.network.arrays() | _of_network(checkpoint.arrays))
            self.pending = dict(checkpoint.arrays)
            self.listener(Said(message=f"Going on from {checkpoint.path.name}."))
        self.folder.write_dataset(self.store.path)
        self.folder.write_history(self.state.history)
        cost = estimate_cost(self.network, self.samples, config, self.state, self.cache_folder)
        self.listener(cost)
        free = shutil.disk_usage(self.folder.path).free
        if free < cost.disk_bytes:
            self.listener(
                Warned(
                    message=f"Only {free / 2**20:,.0f} MiB are free where {self.folder.path} lies, and the run may "
                    f"need {cost.disk_bytes / 2**20:,.0f} MiB."
                )
            )

    def _collect_samples(self) -> Samples:
        """Return the samples whose images this run needs, after a look whether these are there."""
        frame = self.store.frame()
        samples = collect_samples(frame, self.store.classes, self.config)
        self.store.check_files(frame[frame["split"].isin(["train", "validation"])])
        return samples

    def _check_dataset(self, fingerprint: str, at_start: str) -> None:
        """Refuse to go on with other samples or another split than the run began with."""
        if fingerprint != at_start:
            raise CheckpointError(
                f"The dataset or its split has changed since the run in {self.folder.path} began; "
                "start a new run."
            )

    def _watched(self, task: str, total: int) -> Callable[[int], None]:
        """Return what work on some images calls with their number after each batch: it can be stopped there."""

        def each(done: int) -> None:
            if self.stop is not None and done < total:
                self.stop.raise_if_asked()
            self.listener(Progress(task=task, done=done, total=total, unit="images"))

        return each

    def _initial_weights(self, weights_dir: Path | None) -> str:
        """Load the backbone's weights, or estimate the statistics of a random one; say where they are from."""
        if self.config.weights == "random":
            count = min(_STATISTICS_IMAGES, len(self.samples.train))
            chosen = np.random.default_rng(self.config.seed).permutation(self.samples.train)[:count]
            each = self._watched("Statistics of the random backbone", count)

            def batches() -> Iterator[NDArray[np.uint8]]:
                for begin in range(0, count, _STATISTICS_BATCH):
                    yield self.source.squares(chosen[begin : begin + _STATISTICS_BATCH])
                    each(min(begin + _STATISTICS_BATCH, count))

            self.network.estimate_statistics(batches())
            message = (
                "The backbone starts from random weights, not from ImageNet's: expect lower figures than a "
                "pretrained one reaches."
            )
            self.listener(Warned(message=message))
            return "random"
        found = find_weights(
            self.network.backbone, self.config.weights, weights_dir, listener=self.listener, stop=self.stop
        )
        load_backbone_weights(found, self.network.backbone_model)
        return found.origin

    # --- a stage -----------------------------------------------------------------------------------------

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
            self._restore(stepper, self.pending)
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
        self._return_to_best(stepper)
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
                    self._save(stepper, plan.name)
                    raise StoppedError(_STOPPED)
                if clock.checkpoint_due(self.config.checkpoint_minutes):
                    self._save(stepper, plan.name)

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
                logits = data.logits(self._watched("Validation", len(samples.choosing)))
        except StoppedError:
            self._save(stepper, plan.name)
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
        self._save(stepper, plan.name, best=best)
        self.folder.write_history(state.history)
        self.listener(event)
        if self.stop is not None and self.stop.asked:
            raise StoppedError(_STOPPED)

    def _judge(self, plan: StagePlan, validation: PartMetrics) -> bool:
        """Update early stopping and plateaus; return whether this is the best epoch over all stages."""
        state, stopping = self.state, self.config.early_stopping
        value = _figure(validation, stopping.metric)
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

    # --- saving and going back ---------------------------------------------------------------------------

    def _save(self, stepper: Stepper, name: StageName, *, best: bool = False) -> None:
        named = self.network.named_variables()
        # The backbone of a head stage is as it was at the start, and saved there.
        arrays = {key: v.numpy() for key, v in named if name != "head" or key.startswith("head.")}
        arrays |= {key: v.numpy() for key, v in self.network.dropout_states()}
        arrays |= stepper.arrays()
        step = int(stepper.optimizer.iterations.numpy())
        path = self.checkpoints.save(arrays, msgspec.json.encode(self.state), step=step, best=best)
        self.listener(CheckpointSaved(path=str(path)))

    def _restore(self, stepper: Stepper, arrays: dict[str, NDArray[Any]]) -> None:
        """Set optimizer, averages and random states, if the checkpoint is of the stage that goes on."""
        state = self.state
        stepper.restore(arrays)
        for key, variable in self.network.dropout_states():
            variable.assign(arrays[key])
        if state.loss_scale is not None:
            stepper.loss_scale, stepper.finite_steps = state.loss_scale, state.finite_steps
            stepper.bad_steps = state.bad_steps

    def _return_to_best(self, stepper: Stepper) -> None:
        """Give the network the weights of the best epoch so far, over all stages."""
        checkpoint = self.checkpoints.load_best()
        if checkpoint is None:
            return
        initial = self.folder.initial_checkpoint().load_latest(self.listener)
        arrays = dict(initial.arrays) if initial is not None else self.network.arrays()
        self.network.assign(arrays | _of_network(checkpoint.arrays))
        stepper.assign_averages(checkpoint.arrays)


def _of_network(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: array for name, array in arrays.items() if name.startswith(("backbone.", "head."))}


def _figure(validation: PartMetrics, metric: str) -> float:
    """Return the figure that chooses the best epoch, larger is better."""
    if metric == "loss":
        return -validation.loss
    if metric == "accuracy":
        return validation.accuracy
    if metric.startswith("recall_"):
        return validation.recall.get(metric.removeprefix("recall_"), 0.0)
    return validation.macro_recall
