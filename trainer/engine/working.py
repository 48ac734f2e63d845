"""What the engine does for each job. TensorFlow is loaded by the first job that needs it."""

from __future__ import annotations

import contextlib
import functools
import gc
import io
import os
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

from trainer.compute.starting import load_tensorflow
from trainer.config import check_config
from trainer.errors import ImageError
from trainer.events import CostEstimated, Progress, StageStarted
from trainer.protocol.jobs import (
    DemoDrawn,
    DevicesFound,
    DrawDemo,
    EstimateRun,
    EvaluateBundle,
    ImagePrediction,
    ImportDone,
    ImportFolder,
    LookAtDevices,
    Pictures,
    PredictImages,
    Predictions,
    PreviewAugmentation,
    RunEstimated,
    RunFinished,
    Scored,
    SplitDataset,
    SplitDone,
    TrainNetwork,
    Warm,
    WarmUp,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainer.events import AnyEvent, Listener, StopRequest
    from trainer.images.pixels import Pixels
    from trainer.network.network import Network
    from trainer.prediction.inference import Prediction, Predictor
    from trainer.protocol.jobs import AnyJob, AnyResult, ImageView

_PREDICTORS = 2  # networks kept ready; the largest takes some 200 MB
_NICENESS = 10
_PROGRESS_SECONDS = 0.1


class Worker:
    """Does jobs, one at a time, and keeps what makes the next one quicker.

    Args:
        loading: called with true before large libraries are loaded, and with false afterwards.

    Attributes:
        uses_gpu: whether the present job trains on a GPU.
    """

    def __init__(self, loading: Callable[[bool], None]) -> None:
        self.uses_gpu = False
        self._loading = loading
        self._predictors: OrderedDict[str, Predictor] = OrderedDict()
        self._timed: tuple[object, Network] | None = None
        self._chose_gpus = False

    def do(self, job: AnyJob, listener: Listener, stop: StopRequest) -> AnyResult:  # noqa: C901, PLR0911 - one return for each job
        """Do a job.

        Args:
            job: what to do.
            listener: hears events; progress at most ten times a second.
            stop: asked between the job's steps.

        Raises:
            TrainerError: any of its kinds, in words.
        """
        listener = paced(listener)
        match job:
            case ImportFolder():
                return _import(job, listener, stop)
            case SplitDataset():
                return _split(job, listener)
            case DrawDemo():
                return _draw(job, listener, stop)
            case LookAtDevices():
                return _look(stop)
            case TrainNetwork():
                return self._train(job, listener, stop)
            case EstimateRun():
                return self._estimate(job, stop)
            case PreviewAugmentation():
                return self._preview(job)
            case EvaluateBundle():
                return self._evaluate(job, listener, stop)
            case PredictImages():
                return self._predict(job, listener, stop)
            case WarmUp():
                return self._warm_up(job)

    @contextlib.contextmanager
    def _libraries(self) -> Iterator[None]:
        """Load TensorFlow; what else is imported inside counts as loading, too."""
        self._loading(True)
        try:
            load_tensorflow()
            yield
        finally:
            self._loading(False)

    def _show_proven_gpus(self) -> None:
        """Let TensorFlow see only GPUs that have been proven to work, before it computes anything."""
        if self._chose_gpus or os.environ.get("CUDA_VISIBLE_DEVICES") == "-1":
            return
        from trainer.compute.proving import prepare_device  # noqa: PLC0415 - few jobs need it
        from trainer.devices.choosing import choose_device  # noqa: PLC0415 - few jobs need it

        prepare_device(choose_device("auto"))
        self._chose_gpus = True

    # --- training and what goes with it -------------------------------------------------------------------

    def _train(self, job: TrainNetwork, listener: Listener, stop: StopRequest) -> RunFinished:
        from trainer.dataset.store import DatasetStore  # noqa: PLC0415 - pandas
        from trainer.devices.choosing import describe_devices  # noqa: PLC0415 - few jobs need it
        from trainer.runs.folder import RunFolder  # noqa: PLC0415 - few jobs need it

        folder = RunFolder(Path(job.folder))
        resume = job.resume and folder.begun
        config = job.config
        if resume:
            config = msgspec.structs.replace(folder.config(), device=job.config.device)
        if config.device == "cpu" or not describe_devices(probe=None).gpus:
            # Before TensorFlow starts its threads: on Linux each has its own niceness, taken from its maker.
            be_nice()
        with DatasetStore.open(Path(job.dataset), read_only=True) as store:
            with self._libraries():
                from trainer.training.loop import train  # noqa: PLC0415 - seconds to import
            stop.raise_if_asked()
            try:
                train(
                    store,
                    folder.path,
                    config,
                    cache_folder=Path(job.cache_folder),
                    weights_dir=Path(job.weights_dir) if job.weights_dir else None,
                    resume=resume,
                    listener=self._watching_device(listener),
                    stop=stop,
                )
            finally:
                self.uses_gpu = False
        return RunFinished(bundle=str(folder.bundle))

    def _watching_device(self, listener: Listener) -> Listener:
        """Return a listener that notes, once the device is chosen, whether it is a GPU; a CPU is shared nicely."""

        def listen(event: AnyEvent) -> None:
            if isinstance(event, CostEstimated | StageStarted):
                import tensorflow as tf  # noqa: PLC0415 - loaded long since

                self.uses_gpu = bool(tf.config.get_visible_devices("GPU"))
                if not self.uses_gpu:
                    be_nice()
            listener(event)

        return listen

    def _estimate(self, job: EstimateRun, stop: StopRequest) -> RunEstimated:
        """Time the network that a run would train, with weights that are at hand or random ones."""
        from trainer.dataset.store import DatasetStore  # noqa: PLC0415 - pandas
        from trainer.devices.choosing import choose_device, resolve_precision  # noqa: PLC0415 - few jobs need it

        config = check_config(job.config)
        with self._libraries():
            import tensorflow as tf  # noqa: PLC0415 - seconds to import

            from trainer.runs.state import RunState  # noqa: PLC0415 - few jobs need it
            from trainer.training.estimate import estimate_cost  # noqa: PLC0415 - seconds to import
            from trainer.training.stages import collect_samples  # noqa: PLC0415 - seconds to import
        self._show_proven_gpus()
        with DatasetStore.open(Path(job.dataset), read_only=True) as store:
            samples = collect_samples(store.frame(), store.classes, config)
            fingerprint = store.fingerprint()
        device = choose_device(config.device)
        precision = resolve_precision(config.precision, device)
        stop.raise_if_asked()
        with tf.device("GPU:0" if device.kind == "gpu" else "CPU:0"):
            network = self._network_to_time(job, len(samples.classes), precision, device.kind)
            network.backbone.block(config.fine_tune_stage.from_block)
            stop.raise_if_asked()
            state = RunState(fingerprint=fingerprint, precision=precision)
            cost = estimate_cost(network, samples, config, state, Path(job.cache_folder))
        return RunEstimated(cost=cost, device=device.reason)

    def _network_to_time(self, job: EstimateRun, classes: int, precision: str, kind: str) -> Network:
        """Return the network of a run; the last one is kept, since a user who tries settings asks again and again."""
        from trainer.network.network import Network  # noqa: PLC0415 - TensorFlow

        config = job.config
        sort = (config.backbone, config.head, config.input_size, config.weights, job.weights_dir)
        key = (*sort, classes, precision, kind)
        if self._timed is None or self._timed[0] != key:
            self._timed = None
            gc.collect()  # networks are cycles of objects
            network = Network(
                config.backbone, classes, config.head, input_size=config.input_size, precision=precision
            )
            _load_weights_at_hand(network, job)
            self._timed = (key, network)
        return self._timed[1]

    def _preview(self, job: PreviewAugmentation) -> Pictures:
        """Show one image as it would look in the first epochs of a run."""
        import numpy as np  # noqa: PLC0415 - few jobs need it
        from PIL import Image  # noqa: PLC0415 - few jobs need it

        from trainer.images.decoding import read_square  # noqa: PLC0415 - few jobs need it

        square = read_square(Path(job.image), job.size, job.geometry)
        with self._libraries():
            from trainer.pipeline.augmentation import augment, sample_keys, seed_pairs  # noqa: PLC0415 - TensorFlow
        keys = sample_keys([Path(job.image).name])
        seeds = np.concatenate([seed_pairs(job.seed, epoch, keys) for epoch in range(job.count)])
        changed = np.asarray(augment(np.repeat(square[None], job.count, axis=0), seeds, job.augmentation))
        pictures = []
        for pixels in changed:
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
            pictures.append(stream.getvalue())
        return Pictures(png=tuple(pictures))

    # --- bundles ------------------------------------------------------------------------------------------

    def _evaluate(self, job: EvaluateBundle, listener: Listener, stop: StopRequest) -> Scored:
        from trainer.dataset.store import DatasetStore  # noqa: PLC0415 - pandas

        with DatasetStore.open(Path(job.dataset)) as store:
            with self._libraries():
                from trainer.prediction.scoring import score  # noqa: PLC0415 - seconds to import
            self._show_proven_gpus()
            report = Path(job.report) if job.report else None
            scoring = score(Path(job.bundle), store, job.part, report=report, listener=listener, stop=stop)
        return Scored(text=scoring.text, report=job.report)

    def _predict(self, job: PredictImages, listener: Listener, stop: StopRequest) -> Predictions:
        predictor, identity = self._predictor(Path(job.bundle))
        stop.raise_if_asked()
        from trainer.prediction.inference import Wanted  # noqa: PLC0415 - TensorFlow

        wanted = [Wanted(view.path, functools.partial(read_view, view)) for view in job.images]
        predicted = predictor.predict_each(wanted, listener=listener, stop=stop)
        together = predictor.predict_together(predicted) if job.together else None
        calibration = predictor.manifest.calibration
        return Predictions(
            images=tuple(_told(shown.prediction) for shown in predicted),
            together=None if together is None else _told(together),
            bundle_hash=identity,
            decision_rule=calibration.decision_rule,
            prior=calibration.describe_prior(),
        )

    def _warm_up(self, job: WarmUp) -> Warm:
        if not job.bundle:
            with self._libraries():
                import trainer.prediction.inference  # noqa: F401, PLC0415 - so that the next job finds it loaded
        else:
            import numpy as np  # noqa: PLC0415 - few jobs need it

            predictor, _ = self._predictor(Path(job.bundle))
            size = predictor.manifest.input_size
            predictor.logits(np.zeros((1, size, size, 3), np.uint8))
        return Warm()

    def _predictor(self, bundle: Path) -> tuple[Predictor, str]:
        """Return a bundle's network, ready, and the hash that names the bundle; both are as they are on the disk."""
        from trainer.runs.bundle import bundle_hash  # noqa: PLC0415 - few jobs need it

        identity = bundle_hash(bundle)
        if identity not in self._predictors:
            with self._libraries():
                from trainer.prediction.inference import Predictor  # noqa: PLC0415 - seconds to import
            self._show_proven_gpus()
            while len(self._predictors) >= _PREDICTORS:
                self._predictors.popitem(last=False)
                gc.collect()  # networks are cycles of objects
            self._predictors[identity] = Predictor(bundle)
        self._predictors.move_to_end(identity)
        return self._predictors[identity], identity


# --- jobs without TensorFlow ------------------------------------------------------------------------------


def _import(job: ImportFolder, listener: Listener, stop: StopRequest) -> ImportDone:
    from trainer.dataset.importing import import_dataset  # noqa: PLC0415 - few jobs need it

    report = import_dataset(
        Path(job.source), Path(job.dataset), layout=job.layout, listener=listener, stop=stop
    )
    return ImportDone(report=report)


def _split(job: SplitDataset, listener: Listener) -> SplitDone:
    from trainer.dataset.splitting import split_dataset  # noqa: PLC0415 - few jobs need it
    from trainer.dataset.store import DatasetStore  # noqa: PLC0415 - pandas

    with DatasetStore.open(Path(job.dataset)) as store:
        certificate = split_dataset(store, seed=job.seed, fractions=job.fractions, listener=listener)
    return SplitDone(certificate=certificate)


def _draw(job: DrawDemo, listener: Listener, stop: StopRequest) -> DemoDrawn:
    from trainer.dataset.demo.folder import make_demo_dataset  # noqa: PLC0415 - few jobs need it

    demo = make_demo_dataset(Path(job.folder), listener, stop)
    return DemoDrawn(dataset=str(demo.file), report=demo.report)


def _look(stop: StopRequest) -> DevicesFound:
    from trainer.devices.choosing import describe_devices, run_probe  # noqa: PLC0415 - few jobs need it

    return DevicesFound(devices=describe_devices(probe=functools.partial(run_probe, stop=stop)))


# --- helpers ----------------------------------------------------------------------------------------------


def read_view(view: ImageView) -> Pixels:
    """Read an image, turn it and cut it as asked.

    Raises:
        ImageError: it cannot be read.
    """
    from trainer.images.decoding import read_image  # noqa: PLC0415 - few jobs need it
    from trainer.images.pixels import cropped, turned  # noqa: PLC0415 - few jobs need it

    image = read_image(Path(view.path))
    try:
        image = turned(image, view.rotation)
    except MemoryError as error:
        raise ImageError(
            f"{view.path} is too large to be turned; make the image smaller.", "oversize"
        ) from error
    return image if view.crop is None else cropped(image, view.crop)


def paced(listener: Listener) -> Listener:
    """Return a listener that passes on progress at most ten times a second, and always the last of a task."""
    task, spoke = "", 0.0

    def listen(event: AnyEvent) -> None:
        nonlocal task, spoke
        if isinstance(event, Progress):
            now = time.monotonic()
            last = event.total > 0 and event.done >= event.total
            if event.task == task and not last and now - spoke < _PROGRESS_SECONDS:
                return
            task, spoke = event.task, now
        listener(event)

    return listen


def be_nice() -> None:
    """Give way to everything else that wants the processor; this cannot be taken back."""
    if sys.platform == "win32":
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    elif sys.platform == "linux":
        # On Linux this is a thread's own; threads that are made later take it from their maker.
        for thread in psutil.Process().threads():
            with contextlib.suppress(OSError):
                nice = max(_NICENESS, os.getpriority(os.PRIO_PROCESS, thread.id))
                os.setpriority(os.PRIO_PROCESS, thread.id, nice)
    else:
        os.setpriority(os.PRIO_PROCESS, 0, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))


def _load_weights_at_hand(network: Network, job: EstimateRun) -> None:
    """Load ImageNet weights that are on this machine: features in the cache are known by the weights' hash."""
    from trainer.devices.weights_at_hand import locate_weights  # noqa: PLC0415 - few jobs need it
    from trainer.network.weights import find_weights, load_backbone_weights  # noqa: PLC0415 - TensorFlow

    folder = Path(job.weights_dir) if job.weights_dir else None
    if job.config.weights == "imagenet" and locate_weights(network.backbone, folder) is None:
        return
    if job.config.weights != "random":
        found = find_weights(network.backbone, job.config.weights, folder)
        load_backbone_weights(found, network.backbone_model)


def _told(prediction: Prediction) -> ImagePrediction:
    return ImagePrediction(
        path=prediction.path,
        probabilities=prediction.probabilities or {},
        predicted=prediction.predicted or "",
        malignant_probability=prediction.malignant_probability or 0.0,
        warnings=tuple(prediction.warnings or ()),
        error=prediction.error or "",
    )
