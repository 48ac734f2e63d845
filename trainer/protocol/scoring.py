"""Jobs of the queue `scoring`: score bundles, predict folders; estimate a run's cost, preview images, find devices."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from trainer.config import Augmentation, Geometry, RunConfig
from trainer.devices.choosing import Devices
from trainer.events import CostEstimated
from trainer.protocol.jobs import Job, QueueName, Result, ResultT


class ScoringJob(Job[ResultT], frozen=True, kw_only=True):
    """Base of the jobs of this queue."""

    queue: ClassVar[QueueName] = "scoring"


class Scored(Result, frozen=True, kw_only=True):
    """A bundle was scored.

    Attributes:
        text: for reading.
        report: folder with metrics.json, predictions.csv and pictures; empty if none was asked for.
    """

    text: str
    report: str


class EvaluateBundle(ScoringJob[Scored], frozen=True, kw_only=True):
    """Score a bundle on a part of a dataset and write a report folder."""

    bundle: str
    dataset: str
    part: Literal["test", "validation", "train", "all"] = "test"
    report: str = ""


class FolderPredicted(Result, frozen=True, kw_only=True):
    """The images of a folder were predicted, and their tables written.

    Attributes:
        text: how many images are what, for reading.
    """

    text: str


class PredictFolder(ScoringJob[FolderPredicted], frozen=True, kw_only=True):
    """Predict the images of a folder and write their tables.

    Attributes:
        bundle: folder.
        folder: of the images.
        out: folder for the tables, and for what was predicted so far; outside `folder`.
    """

    bundle: str
    folder: str
    out: str


class Completed(Result, frozen=True, kw_only=True):
    """A bundle knows its training images; `images` of them."""

    images: int


class CompleteBundle(ScoringJob[Completed], frozen=True, kw_only=True):
    """Add to a bundle what it is to know of the images its network was trained on, which are those of `dataset`."""

    bundle: str
    dataset: str


class RunEstimated(Result, frozen=True, kw_only=True):
    """What a run would cost; `device` is a sentence on where it would be trained."""

    cost: CostEstimated
    device: str


class EstimateRun(ScoringJob[RunEstimated], frozen=True, kw_only=True):
    """Estimate what a run would cost, without starting it.

    Attributes:
        dataset, config, cache_folder, weights_dir: as in `TrainNetwork`; nothing is fetched.
    """

    dataset: str
    config: RunConfig
    cache_folder: str
    weights_dir: str = ""


class Pictures(Result, frozen=True, kw_only=True):
    """Pictures as PNG files' bytes."""

    png: tuple[bytes, ...]


class PreviewAugmentation(ScoringJob[Pictures], frozen=True, kw_only=True):
    """Show augmented samples of one image.

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


class DevicesFound(Result, frozen=True, kw_only=True):
    """What this machine can train on."""

    devices: Devices


class LookAtDevices(ScoringJob[DevicesFound], frozen=True, kw_only=True):
    """Find out what can be trained on, proving the GPUs; a first import does not wait for it in this queue."""
