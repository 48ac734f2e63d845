"""What the handlers of the engine's jobs answer, asked in this process."""

from __future__ import annotations

import functools
import inspect
import io
import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from trainer.config import Augmentation, Geometry, RunConfig
from trainer.dataset.demo.lesions import draw_dataset
from trainer.dataset.drawn import NETWORK_WARNING, SPLIT_NOTE
from trainer.dataset.store import DatasetStore
from trainer.engine.handling import HANDLERS, handles
from trainer.engine.working import Worker, paced
from trainer.errors import BundleError, ConfigError, DatasetError, StoppedError
from trainer.events import AnyEvent, Progress, Said, StopRequest, silent
from trainer.images.decoding import read_image
from trainer.images.framing import ImageView
from trainer.images.turning import cropped, turned
from trainer.metrics.decision import decide
from trainer.metrics.operating import OperatingPoint, Target
from trainer.prediction.inference import Predictor
from trainer.predictions import Prediction
from trainer.protocol.diagnosis import ExplainImage, ImageEvidence, PredictImages, Predictions, Warm, WarmUp
from trainer.protocol.jobs import Result, job_types, result_type
from trainer.protocol.library import DemoDrawn, DrawDemo, SplitDataset
from trainer.protocol.lines import AnyJob
from trainer.protocol.scoring import (
    DevicesFound,
    EstimateRun,
    EvaluateBundle,
    LookAtDevices,
    Pictures,
    PreviewAugmentation,
    RunEstimated,
    Scored,
)
from trainer.protocol.training import RunFinished, TrainNetwork
from trainer.runs.bundle import bundle_hash, read_bundle, read_manifest, write_bundle
from trainer.runs.operating_point import write_operating_point


def test_every_type_of_job_has_one_handler_that_returns_its_result() -> None:
    assert set(HANDLERS) == set(job_types())
    assert len(set(HANDLERS.values())) == len(HANDLERS)
    for job, handler in HANDLERS.items():
        signature = inspect.signature(handler)
        assert next(iter(signature.parameters.values())).annotation == job.__name__
        assert signature.return_annotation == result_type(job).__name__
        assert handler.__module__.rpartition(".")[2] == job.queue == job.__module__.rpartition(".")[2]
    with pytest.raises(RuntimeError, match="SplitDataset has a handler already"):
        handles(SplitDataset)(HANDLERS[SplitDataset])


def test_every_result_answers_one_type_of_job() -> None:
    assert sorted(map(result_type, job_types()), key=str) == sorted(Result.__subclasses__(), key=str)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return Worker(lambda _loading: None)


def do(worker: Worker, job: AnyJob, listener: Any = silent) -> Any:  # any result: a test knows which
    return worker.do(job, listener, StopRequest())


@pytest.fixture(scope="module")
def bundle(
    dataset_file: Path, tiny_config: RunConfig, tmp_path_factory: pytest.TempPathFactory, worker: Worker
) -> Path:
    """The bundle of a run that the worker trained."""
    folder = tmp_path_factory.mktemp("worked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "trainer.engine.handlers.training.be_nice", lambda: None
        )  # this process has other tests to do
        done = do(
            worker,
            TrainNetwork(
                dataset=str(dataset_file),
                folder=str(folder / "run"),
                config=tiny_config,
                cache_folder=str(folder / "cache"),
            ),
        )
    assert isinstance(done, RunFinished)
    assert not worker.uses_gpu
    return Path(done.bundle)


@pytest.fixture(scope="module")
def images(image_folder: Path) -> list[Path]:
    return sorted((image_folder / "images").glob("*.png"))


def saved(pixels: np.ndarray[Any, np.dtype[np.uint8]], path: Path) -> str:
    Image.fromarray(pixels).save(path)
    return str(path)


def test_a_view_is_predicted_as_a_file_that_was_turned_and_cut_would_be(
    worker: Worker, bundle: Path, images: list[Path], tmp_path: Path
) -> None:
    crop = (0.1, 0.2, 0.6, 0.5)
    pixels = read_image(images[0])
    same = [
        (ImageView(path=str(images[0])), str(images[0])),
        (ImageView(path=str(images[0]), rotation=90.0), saved(turned(pixels, 90.0), tmp_path / "turned.png")),
        (ImageView(path=str(images[0]), crop=crop), saved(cropped(pixels, crop), tmp_path / "cut.png")),
        (
            ImageView(path=str(images[0]), rotation=-33.0, crop=crop),
            saved(cropped(turned(pixels, -33.0), crop), tmp_path / "both.png"),
        ),
    ]
    answer = do(worker, PredictImages(bundle=str(bundle), images=tuple(view for view, _ in same)))
    assert isinstance(answer, Predictions)
    files = Predictor(bundle).predict([Path(path) for _, path in same])
    seen = set()
    for told, (view, _), expected in zip(answer.images, same, files, strict=True):
        assert told.path == view.path
        assert told.probabilities == pytest.approx(expected.probabilities, abs=1e-6)
        assert told.predicted == expected.predicted
        assert told.malignant_probability == pytest.approx(expected.malignant_probability, abs=1e-6)
        assert told.warnings == expected.warnings
        seen.add(round(told.probabilities["mel"], 6))
    assert len(seen) == len(same)


def test_images_of_a_lesion_are_judged_by_the_mean_of_their_logits(
    worker: Worker, bundle: Path, images: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("not a picture")
    views = [ImageView(path=str(path)) for path in (images[0], images[20], images[40])]
    views.insert(1, ImageView(path=str(tmp_path / "text.jpg"), rotation=12.0))
    answer = do(worker, PredictImages(bundle=str(bundle), images=tuple(views), together=True))
    calibration = read_manifest(bundle).calibration
    single = np.array(
        [
            [told.probabilities[name] for name in calibration.classes]
            for told in answer.images
            if not told.error
        ]
    )
    # Calibration divides logits and adds a bias, both the same for all images: log probabilities have the same mean
    # as logits, up to a constant that softmax takes away.
    mean = np.exp(np.log(single).mean(axis=0))
    expected = mean / mean.sum()
    together = answer.together
    assert together is not None
    assert together.path == ""
    assert [together.probabilities[name] for name in calibration.classes] == pytest.approx(expected, abs=1e-5)
    assert together.predicted == calibration.classes[int(decide(expected[None], calibration)[0])]
    assert together.malignant_probability == pytest.approx(together.probabilities["mel"])
    assert together.warnings[:1] == ("1 of 4 images is left out because it cannot be read.",)
    assert answer.images[1] == Prediction(path=str(tmp_path / "text.jpg"), error=answer.images[1].error)
    assert "text.jpg" in answer.images[1].error
    known = tuple(row for row in answer.logits[1:] if row)
    rest = PredictImages(
        bundle=str(bundle), images=tuple(views[:1]), together=True, known=known, known_of=answer.bundle_hash
    )
    with_known = do(worker, rest).together
    assert with_known is not None
    assert with_known.probabilities == pytest.approx(together.probabilities, abs=1e-6)
    with pytest.raises(BundleError, match="was replaced meanwhile"):
        do(worker, msgspec.structs.replace(rest, known_of="0" * 12))
    alone = do(worker, PredictImages(bundle=str(bundle), images=tuple(views[:2]), together=True))
    assert alone.together is None
    apart = do(worker, PredictImages(bundle=str(bundle), images=tuple(views)))
    assert apart.together is None


def test_a_bundle_that_has_changed_is_read_again(
    worker: Worker, bundle: Path, images: list[Path], tmp_path: Path
) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    job = PredictImages(bundle=str(copy), images=(ImageView(path=str(images[0])),))
    first = do(worker, job)
    assert first.bundle_hash == bundle_hash(bundle)
    assert first.decision_rule
    assert first.prior.startswith("The probabilities assume")
    manifest, arrays = read_bundle(copy)
    hotter = msgspec.structs.replace(manifest.calibration, temperature=50.0)
    write_bundle(copy, msgspec.structs.replace(manifest, calibration=hotter), arrays)
    second = do(worker, job)
    assert second.bundle_hash == bundle_hash(copy) != first.bundle_hash
    assert second.images[0].probabilities != first.images[0].probabilities
    shutil.rmtree(copy)
    with pytest.raises(BundleError, match="no bundle"):
        do(worker, job)


def test_an_operating_point_that_is_saved_meanwhile_flags_each_image_and_all_together(
    worker: Worker, bundle: Path, images: list[Path], tmp_path: Path
) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(bundle, copy)
    views = tuple(ImageView(path=str(path)) for path in images[:3])
    job = PredictImages(bundle=str(copy), images=views, together=True)
    before = do(worker, job)
    assert [image.above_threshold for image in (*before.images, before.together)] == [None] * 4
    shares = sorted(image.malignant_probability for image in before.images)
    target = Target(name="malignant", classes=("mel",))
    point = OperatingPoint(target=target, sensitivity=0.9, threshold=shares[1], lesions=40, missed=0)
    write_operating_point(copy, point)
    after = do(worker, job)
    for image in (*after.images, after.together):
        assert image.above_threshold is (image.malignant_probability >= shares[1])
        assert image.operating_point.threshold == shares[1]
    assert [image.above_threshold for image in after.images].count(True) == 2
    # Sets are calibrated on single images.
    assert after.together.prediction_set is None
    assert all(image.prediction_set for image in after.images)
    write_operating_point(copy, None)
    assert do(worker, job).images[0].above_threshold is None


def test_a_network_trained_on_drawings_says_so_of_every_image(
    worker: Worker, bundle: Path, images: list[Path], tmp_path: Path
) -> None:
    copy = tmp_path / "bundle"
    manifest, arrays = read_bundle(bundle)
    split = msgspec.structs.replace(manifest.split, notes=(SPLIT_NOTE,))
    write_bundle(copy, msgspec.structs.replace(manifest, split=split), arrays)
    views = tuple(ImageView(path=str(path)) for path in images[:2])
    answer = do(worker, PredictImages(bundle=str(copy), images=views, together=True))
    assert [image.warnings[0] for image in (*answer.images, answer.together)] == [NETWORK_WARNING] * 3
    plain = do(worker, PredictImages(bundle=str(bundle), images=views))
    assert NETWORK_WARNING not in plain.images[0].warnings


def test_a_view_is_explained_as_a_file_that_was_cut_would_be(
    worker: Worker, bundle: Path, images: list[Path], tmp_path: Path
) -> None:
    crop = (0.1, 0.2, 0.6, 0.5)
    cut = saved(cropped(read_image(images[0]), crop), tmp_path / "cut.png")
    job = ExplainImage(
        bundle=str(bundle),
        bundle_hash=bundle_hash(bundle),
        image=ImageView(path=str(images[0]), crop=crop),
        class_name="mel",
    )
    answer = do(worker, job)
    assert isinstance(answer, ImageEvidence)
    assert answer == do(worker, msgspec.structs.replace(job, image=ImageView(path=cut)))
    assert answer != do(worker, msgspec.structs.replace(job, class_name="nv"))
    assert answer != do(worker, msgspec.structs.replace(job, image=ImageView(path=str(images[0]))))
    with pytest.raises(BundleError, match="was replaced meanwhile"):
        do(worker, msgspec.structs.replace(job, bundle_hash="0" * 12))


def test_predictions_come_with_where_the_network_looked_if_that_is_wanted(
    worker: Worker, bundle: Path, images: list[Path], tmp_path: Path
) -> None:
    black = tmp_path / "black.png"  # too dark to rely on an answer
    Image.new("RGB", (64, 64)).save(black)
    views = tuple(ImageView(path=str(path)) for path in (images[0], tmp_path / "gone.png", black))
    job = PredictImages(bundle=str(bundle), images=views)
    plain = do(worker, job)
    assert isinstance(plain, Predictions)
    assert plain.evidence == ()
    answer = do(worker, msgspec.structs.replace(job, evidence=True))
    assert isinstance(answer, Predictions)
    assert answer.images == plain.images
    assert answer.evidence[1:] == (None, None)
    explained = do(
        worker,
        ExplainImage(
            bundle=str(bundle),
            bundle_hash=answer.bundle_hash,
            image=views[0],
            class_name=answer.images[0].predicted,
        ),
    )
    assert isinstance(explained, ImageEvidence)
    assert answer.evidence[0] == (None if answer.images[0].in_distribution is False else explained.grad_cam)


def test_a_warm_network_is_kept(
    worker: Worker, bundle: Path, images: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(do(worker, WarmUp()), Warm)
    assert isinstance(do(worker, WarmUp(bundle=str(bundle))), Warm)
    monkeypatch.setattr("trainer.prediction.networks.read_bundle", None)  # reading it again would fail
    do(worker, PredictImages(bundle=str(bundle), images=(ImageView(path=str(images[0])),)))


def test_predictions_stop_between_batches(worker: Worker, bundle: Path, images: list[Path]) -> None:
    stop = StopRequest()
    heard: list[AnyEvent] = []

    def listen(event: AnyEvent) -> None:
        heard.append(event)
        stop.ask()

    views = tuple(ImageView(path=str(path)) for path in images[:40])
    with pytest.raises(StoppedError):
        worker.do(PredictImages(bundle=str(bundle), images=views), listen, stop)
    assert heard == [Progress(task="Predicting", done=16, total=40, unit="images")]


def test_a_bundle_is_scored_and_the_scoring_counted(
    worker: Worker, bundle: Path, dataset_file: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(dataset_file, copy)
    job = EvaluateBundle(bundle=str(bundle), dataset=str(copy), report=str(tmp_path / "report"))
    assert isinstance(do(worker, job), Scored)
    again = do(worker, job)
    assert "has now been scored 2 times" in again.text
    assert json.loads((tmp_path / "report" / "metrics.json").read_bytes())["split"] == "test"
    plain = do(worker, msgspec.structs.replace(job, part="validation", report=""))
    assert plain.report == ""


def test_a_run_is_estimated_without_a_trace(
    worker: Worker, dataset_file: Path, tiny_config: RunConfig, tmp_path: Path
) -> None:
    job = EstimateRun(dataset=str(dataset_file), config=tiny_config, cache_folder=str(tmp_path / "cache"))
    answer = do(worker, job)
    assert isinstance(answer, RunEstimated)
    assert (answer.cost.training_images, answer.cost.validation_images) == (48, 18)
    assert answer.cost.steps == 6 * 3
    assert answer.cost.seconds > 0
    assert answer.cost.disk_bytes > 0
    assert "CPU" in answer.device
    assert not list(tmp_path.rglob("*.safetensors"))
    longer = msgspec.structs.replace(
        tiny_config, fine_tune_stage=msgspec.structs.replace(tiny_config.fine_tune_stage, epochs=30)
    )
    assert do(worker, msgspec.structs.replace(job, config=longer)).cost.steps == 33 * 3
    wrong = msgspec.structs.replace(tiny_config, stages=())
    with pytest.raises(ConfigError):
        do(worker, msgspec.structs.replace(job, config=wrong))


def test_previews_follow_the_settings_and_the_seed(worker: Worker, images: list[Path]) -> None:
    job = PreviewAugmentation(image=str(images[0]), size=64, count=5)
    first, second = do(worker, job), do(worker, job)
    assert isinstance(first, Pictures)
    assert first == second
    assert len(set(first.png)) == 5
    with Image.open(io.BytesIO(first.png[0])) as picture:
        assert (picture.size, picture.format, picture.mode) == ((64, 64), "PNG", "RGB")
    assert do(worker, msgspec.structs.replace(job, seed=1)) != first
    still = Augmentation(
        flip_horizontal=False,
        flip_vertical=False,
        rotation=0,
        shift=0,
        zoom=0,
        brightness=0,
        contrast=0,
        colour=0,
    )
    unchanged = do(worker, msgspec.structs.replace(job, augmentation=still))
    assert len(set(unchanged.png)) == 1
    padded = do(worker, msgspec.structs.replace(job, augmentation=still, geometry=Geometry(shape="pad")))
    assert padded != unchanged


def test_devices_are_looked_at(worker: Worker) -> None:
    answer = do(worker, LookAtDevices())
    assert isinstance(answer, DevicesFound)
    assert answer.devices.cpu.threads >= 1


def test_the_demo_replaces_itself_and_nothing_else(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = functools.partial(draw_dataset, lesions=21)
    monkeypatch.setattr("trainer.dataset.demo.folder.draw_dataset", few)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("a year's work")
    with pytest.raises(DatasetError, match="choose another folder"):
        do(worker, DrawDemo(folder=str(foreign)))
    assert (foreign / "thesis.txt").exists()
    events: list[AnyEvent] = []
    for _ in range(2):
        done = do(worker, DrawDemo(folder=str(tmp_path / "demo")), events.append)
        assert isinstance(done, DemoDrawn)
        assert done.report.problems == 5
    with DatasetStore.open(Path(done.dataset), read_only=True) as store:
        assert store.certificate() is not None
        assert len(store.frame()) == done.report.total
    assert sum(isinstance(event, Said) and "drawings" in event.message for event in events) == 2


def test_progress_is_told_ten_times_a_second_and_at_the_end_of_each_task() -> None:
    heard: list[AnyEvent] = []
    listen = paced(heard.append)
    for task in ("Checking", "Comparing"):
        for done in range(1, 10_001):
            listen(Progress(task=task, done=done, total=10_000, unit="images"))
        listen(Said(message="between"))
    told = [(event.task, event.done) for event in heard if isinstance(event, Progress)]
    assert told[0] == ("Checking", 1)
    assert ("Comparing", 1) in told
    assert ("Checking", 10_000) in told
    assert told[-1] == ("Comparing", 10_000)
    assert len(told) < 40
    assert sum(isinstance(event, Said) for event in heard) == 2
