"""What the engine can be asked for and what it answers: frozen structs, one JSON line each.

A window and the engine share this module; it loads without TensorFlow. Paths travel as text.

```
to the engine     {"say": "Ask", "id": 7, "job": {"job": "PredictImages", ...}}     one job at a time, in order
                  {"say": "Stop", "id": 7}                                          stop it between two batches
from the engine   {"say": "Ready", "version": "0.1.0"}                              first line
                  {"say": "Heard", "id": 7, "event": {"event": "Progress", ...}}
                  {"say": "Answered", "id": 7, "result": {"result": "Predictions", ...}}
                  {"say": "Refused", "id": 7, "kind": "failed", "message": "..."}
                  {"say": "Beat", ...}                                              every second
```
The end of stdin means: save a checkpoint and leave.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from trainer.config import Augmentation, Geometry, RunConfig
from trainer.dataset.certificate import SplitCertificate
from trainer.dataset.reports import ImportReport
from trainer.devices.choosing import Devices
from trainer.errors import ConfigError
from trainer.events import AnyEvent, CostEstimated

BEAT_SECONDS = 1.0


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="job", tag=True):
    """Base of everything the engine can be asked for."""


class ImportFolder(Job, frozen=True, kw_only=True):
    """Index a folder of images; answered by `ImportDone`.

    Attributes:
        source: the folder.
        dataset: the dataset file to make or to add to.
        layout: `auto` or a name of `trainer.dataset.LAYOUTS`.
    """

    source: str
    dataset: str
    layout: str = "auto"


class SplitDataset(Job, frozen=True, kw_only=True):
    """Split a dataset by group; answered by `SplitDone`."""

    dataset: str
    seed: int = 0
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)


class DrawDemo(Job, frozen=True, kw_only=True):
    """Draw the demo's lesions, import and split them; answered by `DemoDrawn`.

    Attributes:
        folder: for drawings and dataset file; an older demo in it is replaced.
    """

    folder: str


class LookAtDevices(Job, frozen=True, kw_only=True):
    """Find out what can be trained on, proving the GPUs; answered by `DevicesFound`."""


class EstimateRun(Job, frozen=True, kw_only=True):
    """Say what a run would cost, without starting it; answered by `RunEstimated`.

    Attributes:
        dataset, config, cache_folder, weights_dir: as in `TrainNetwork`; nothing is fetched.
    """

    dataset: str
    config: RunConfig
    cache_folder: str
    weights_dir: str = ""


class PreviewAugmentation(Job, frozen=True, kw_only=True):
    """Show augmented samples of one image; answered by `Pictures`.

    Attributes:
        image: file.
        size: side of each picture, pixels.
        count: number of pictures.
        seed: the same seed gives the same pictures.
        geometry, augmentation: as in `RunConfig`.
    """

    image: str
    size: Annotated[int, msgspec.Meta(ge=32, le=1024)] = 96
    count: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    seed: int = 0
    geometry: Geometry = Geometry()
    augmentation: Augmentation = Augmentation()


class TrainNetwork(Job, frozen=True, kw_only=True):
    """Train a run, or go on with it; answered by `RunFinished`.

    Attributes:
        dataset: with a split.
        folder: of the run.
        config: settings; with `resume` those of the run's folder count, apart from the device.
        cache_folder: of features.
        weights_dir: where ImageNet weights are looked for first; empty for none.
        resume: go on from the last checkpoint.
    """

    dataset: str
    folder: str
    config: RunConfig
    cache_folder: str
    weights_dir: str = ""
    resume: bool = False


class EvaluateBundle(Job, frozen=True, kw_only=True):
    """Score a bundle on a part of a dataset and write a report folder; answered by `Scored`."""

    bundle: str
    dataset: str
    part: Literal["test", "validation", "train", "all"] = "test"
    report: str = ""


class ImageView(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An image and what of it is asked about.

    Attributes:
        path: of the file.
        rotation: clockwise, degrees; any angle, applied after the file's own orientation.
        crop: x, y, width, height of the part that counts, as shares (0 to 1) of the rotated image; `None`: all.
    """

    path: str
    rotation: float = 0.0
    crop: tuple[float, float, float, float] | None = None


class PredictImages(Job, frozen=True, kw_only=True):
    """Predict images, and what they say together; answered by `Predictions`.

    Attributes:
        bundle: folder.
        images: in the order of the answer.
        together: the images show one lesion.
    """

    bundle: str
    images: Annotated[tuple[ImageView, ...], msgspec.Meta(min_length=1)]
    together: bool = False


class WarmUp(Job, frozen=True, kw_only=True):
    """Load TensorFlow and, if one is named, a bundle, so that the next prediction is quick; answered by `Warm`."""

    bundle: str = ""


AnyJob: TypeAlias = (
    ImportFolder
    | SplitDataset
    | DrawDemo
    | LookAtDevices
    | EstimateRun
    | PreviewAugmentation
    | TrainNetwork
    | EvaluateBundle
    | PredictImages
    | WarmUp
)


class Result(msgspec.Struct, frozen=True, kw_only=True, tag_field="result", tag=True):
    """Base of all answers."""


class ImportDone(Result, frozen=True, kw_only=True):
    """A folder was imported."""

    report: ImportReport


class SplitDone(Result, frozen=True, kw_only=True):
    """A dataset was split."""

    certificate: SplitCertificate


class DemoDrawn(Result, frozen=True, kw_only=True):
    """The demo's dataset is there."""

    dataset: str
    report: ImportReport


class DevicesFound(Result, frozen=True, kw_only=True):
    """What this machine can train on."""

    devices: Devices


class RunEstimated(Result, frozen=True, kw_only=True):
    """What a run would cost; `device` is a sentence on where it would be trained."""

    cost: CostEstimated
    device: str


class Pictures(Result, frozen=True, kw_only=True):
    """Pictures as PNG files' bytes."""

    png: tuple[bytes, ...]


class RunFinished(Result, frozen=True, kw_only=True):
    """A run has left a bundle."""

    bundle: str


class Scored(Result, frozen=True, kw_only=True):
    """A bundle was scored.

    Attributes:
        text: for reading.
        report: folder with metrics.json, predictions.csv and pictures; empty if none was asked for.
    """

    text: str
    report: str


class ImagePrediction(msgspec.Struct, frozen=True, kw_only=True):
    """What a network says of one image, or why it says nothing.

    Attributes:
        path: as asked.
        probabilities: by class, summing to 1; empty where the image cannot be read.
        predicted: class; empty where the image cannot be read.
        malignant_probability: sum over the malignant classes, 0 to 1.
        warnings: sentences about the image.
        error: why there is no prediction; empty where there is one.
    """

    path: str
    probabilities: dict[str, float] = {}
    predicted: str = ""
    malignant_probability: float = 0.0
    warnings: tuple[str, ...] = ()
    error: str = ""


class Predictions(Result, frozen=True, kw_only=True):
    """Predictions of images in the order asked.

    Attributes:
        images: one each.
        together: of the lesion the readable images show, if asked for and there is more than one; its `path`
            is empty.
        bundle_hash: twelve digits that name the bundle.
        decision_rule: how `predicted` follows from the probabilities, in words.
        prior: what the probabilities are calibrated to, in words.
    """

    images: tuple[ImagePrediction, ...]
    together: ImagePrediction | None = None
    bundle_hash: str
    decision_rule: str
    prior: str


class Warm(Result, frozen=True, kw_only=True):
    """TensorFlow, and the bundle if one was named, are loaded."""


AnyResult: TypeAlias = (
    ImportDone
    | SplitDone
    | DemoDrawn
    | DevicesFound
    | RunEstimated
    | Pictures
    | RunFinished
    | Scored
    | Predictions
    | Warm
)


class Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="say", tag=True):
    """Base of all lines."""


class Ask(Line, frozen=True, kw_only=True):
    """Do a job, after those asked before."""

    id: int
    job: AnyJob


class Stop(Line, frozen=True, kw_only=True):
    """Stop a job between two of its batches, or do not begin it."""

    id: int


class Ready(Line, frozen=True, kw_only=True):
    """The engine listens."""

    version: str
    pid: int


class Heard(Line, frozen=True, kw_only=True):
    """A job says something."""

    id: int
    event: AnyEvent


class Answered(Line, frozen=True, kw_only=True):
    """A job is done."""

    id: int
    result: AnyResult


class Refused(Line, frozen=True, kw_only=True):
    """A job ended without a result.

    Attributes:
        id: of the job.
        kind: `failed` for something the user can mend, `stopped` on request, `defect` for a mistake of ours.
        message: one or a few sentences for the user.
    """

    id: int
    kind: Literal["failed", "stopped", "defect"]
    message: str


class Beat(Line, frozen=True, kw_only=True):
    """The engine lives.

    Attributes:
        memory_bytes: main memory of the engine.
        gpu_percent, gpu_memory_bytes: use of the first GPU while a job trains on one; `None` elsewhere.
        loading: large libraries are being loaded, during which beats may be late.
    """

    memory_bytes: int
    gpu_percent: float | None = None
    gpu_memory_bytes: int | None = None
    loading: bool = False


ToEngine: TypeAlias = Ask | Stop
FromEngine: TypeAlias = Ready | Heard | Answered | Refused | Beat


def encode_line(line: ToEngine | FromEngine) -> bytes:
    """Return a line of JSON, newline included."""
    return msgspec.json.encode(line) + b"\n"


def decode_request(line: bytes) -> ToEngine:
    """Read what a caller wants of the engine.

    Raises:
        ConfigError: the line is no request.
    """
    try:
        request: ToEngine = msgspec.json.decode(line, type=ToEngine)
    except msgspec.DecodeError as error:
        raise ConfigError(f"Not a request: {error}.") from error
    return request


def decode_reply(line: bytes) -> FromEngine:
    """Read what the engine says.

    Raises:
        ConfigError: the line is no reply.
    """
    try:
        reply: FromEngine = msgspec.json.decode(line, type=FromEngine)
    except msgspec.DecodeError as error:
        raise ConfigError(f"Not a reply of the engine: {error}.") from error
    return reply
