from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
import pytest

from trainer.config import EarlyStopping, Imbalance, RunConfig, Schedule
from trainer.dataset.importing import import_dataset
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore
from trainer.errors import BundleError, CheckpointError, ConfigError, DatasetError, StoppedError
from trainer.events import (
    AnyEvent,
    CheckpointSaved,
    CostEstimated,
    EpochEnded,
    Finished,
    Progress,
    StageEnded,
    StageStarted,
    StepDone,
    StopRequest,
    Warned,
    decode_event,
)
from trainer.runs.bundle import Manifest, read_bundle
from trainer.runs.checkpoint import CheckpointStore
from trainer.runs.folder import RunFolder
from trainer.runs.state import decode_state
from trainer.training.loop import train

replace = msgspec.structs.replace


class StopAfter:
    """Asks a run to stop when it has seen some events of a kind."""

    def __init__(self, kind: type, count: int) -> None:
        self.stop, self.kind, self.left = StopRequest(), kind, count

    def __call__(self, event: AnyEvent) -> None:
        if isinstance(event, self.kind):
            self.left -= 1
            if self.left == 0:
                self.stop.ask()


class Bench:
    """Trains on the small dataset, with a cache of features of its own."""

    def __init__(self, dataset_file: Path, folder: Path) -> None:
        self.dataset_file, self.folder = dataset_file, folder
        self.events: list[AnyEvent] = []

    def train(self, name: str, config: RunConfig, **more: Any) -> Manifest:
        keras.backend.clear_session()
        listener = more.pop("listener", self.events.append)
        with DatasetStore.open(self.dataset_file, read_only=True) as store:
            return train(
                store,
                self.folder / name,
                config,
                cache_folder=self.folder / "cache",
                listener=listener,
                **more,
            )

    def train_until(self, stopper: StopAfter, name: str, config: RunConfig, **more: Any) -> None:
        """Train until the run has stopped as it was asked to."""

        def listen(event: AnyEvent) -> None:
            self.events.append(event)
            stopper(event)

        with pytest.raises(StoppedError, match="it can be resumed"):
            self.train(name, config, listener=listen, stop=stopper.stop, **more)

    def weights(self, name: str) -> dict[str, np.ndarray]:
        return read_bundle(self.folder / name / "bundle")[1]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def whole(dataset_file: Path, tiny_config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A run of both stages that nothing has interrupted, called `whole`."""
    bench = Bench(dataset_file, tmp_path_factory.mktemp("whole"))
    bench.train("whole", tiny_config)
    return bench


@pytest.fixture
def bench(dataset_file: Path, tmp_path: Path) -> Bench:
    return Bench(dataset_file, tmp_path)


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_features_at_hand_are_not_in_the_estimate(bench: Bench, tiny_config: RunConfig) -> None:
    config = replace(tiny_config, stages=("head",))
    for name, kind in (("first", StageStarted), ("second", CostEstimated)):
        bench.train_until(StopAfter(kind, 1), name, config)
    first, second = bench.of(CostEstimated)
    assert second.steps == first.steps
    assert second.disk_bytes < first.disk_bytes


def test_a_run_says_what_it_does_and_leaves_a_bundle(whole: Bench) -> None:
    bench = whole
    run = bench.folder / "whole"
    manifest = read_bundle(run / "bundle")[0]
    (cost,) = bench.of(CostEstimated)
    assert cost.training_images == 48
    assert cost.steps == 3 * 3 + 3 * 3
    assert cost.seconds > 0
    assert cost.disk_bytes > 0
    assert [(e.stage, e.epochs) for e in bench.of(StageStarted)] == [("head", 3), ("fine-tune", 3)]
    epochs = bench.of(EpochEnded)
    assert [(e.stage, e.epoch) for e in epochs] == [(s, k) for s in ("head", "fine-tune") for k in (1, 2, 3)]
    for epoch in epochs:
        for part in (epoch.train, epoch.validation):
            assert set(part.recall) == {"bkl", "mel", "nv"}
            assert part.macro_recall == pytest.approx(np.mean(list(part.recall.values())))
            assert 0 <= part.accuracy <= 1
            assert part.loss > 0
    assert [e.reason for e in bench.of(StageEnded)] == ["all epochs done"] * 2
    assert bench.of(StepDone)
    assert isinstance(bench.events[-1], Finished)
    best = [e for e in epochs if e.best][-1]
    assert (manifest.metrics.stage, manifest.metrics.epoch) == (best.stage, best.epoch)
    assert best.validation.macro_recall == max(e.validation.macro_recall for e in epochs)
    assert manifest.split.groups_in_two_parts == 0
    kept = [decode_event(line) for line in (run / "events.jsonl").read_bytes().splitlines()]
    assert [e for e in kept if isinstance(e, EpochEnded)] == epochs
    assert (run / "learning_curves.png").stat().st_size > 10_000
    assert len(list((run / "checkpoints").iterdir())) <= 3


def test_the_network_learns(bench: Bench, tiny_config: RunConfig) -> None:
    config = replace(
        tiny_config,
        head_stage=replace(tiny_config.head_stage, epochs=10),
        fine_tune_stage=replace(tiny_config.fine_tune_stage, epochs=6),
    )
    manifest = bench.train("run", config)
    assert manifest.metrics.validation.macro_recall >= 0.8
    epochs = bench.of(EpochEnded)
    assert epochs[-1].train.loss < epochs[0].train.loss / 2


@pytest.mark.parametrize(
    ("kind", "count"), [(StepDone, 1), (EpochEnded, 1), (EpochEnded, 3), (StageStarted, 2), (EpochEnded, 5)]
)
def test_a_stopped_run_goes_on_to_the_same_result(
    bench: Bench, whole: Bench, tiny_config: RunConfig, kind: type, count: int
) -> None:
    expected = read_bundle(whole.folder / "whole" / "bundle")[0]
    bench.train_until(StopAfter(kind, count), "parts", tiny_config)
    stopped = len(bench.events)
    manifest = bench.train("parts", tiny_config, resume=True)
    if kind is StepDone:
        kept = [event for _, event in RunFolder(bench.folder / "parts").kept_events()]
        last = next(event for event in kept if isinstance(event, StepDone))
        started = next(event for event in bench.events[stopped:] if isinstance(event, StageStarted))
        assert (started.epoch, started.step) == (last.epoch - 1, last.step)
    assert same(bench.weights("parts"), whole.weights("whole"))
    assert manifest.metrics == expected.metrics
    assert manifest.calibration == expected.calibration
    runs = (whole.folder / "whole", bench.folder / "parts")
    histories = [_history(run / "history.json") for run in runs]
    assert histories[0] == histories[1]


def _history(file: Path) -> list[EpochEnded]:
    epochs = msgspec.json.decode(file.read_bytes(), type=list[EpochEnded])
    return [replace(epoch, seconds=0.0) for epoch in epochs]


def test_a_run_stopped_at_every_step_goes_on_to_the_same_result(bench: Bench, tiny_config: RunConfig) -> None:
    config = replace(
        tiny_config,
        stages=("fine-tune",),
        fine_tune_stage=replace(
            tiny_config.fine_tune_stage,
            epochs=3,
            accumulation=2,
            batch_size=12,
            schedule=Schedule(kind="plateau", plateau_patience=1),
        ),
        early_stopping=replace(tiny_config.early_stopping, min_delta=1.0),
        imbalance=Imbalance(method="balanced-sampling"),
    )
    bench.train("whole", config)
    rounds = 0
    while rounds < 20:
        stopper = StopAfter(StepDone, 1)
        stopper.stop.ask()
        try:
            bench.train("parts", config, resume=rounds > 0, listener=stopper, stop=stopper.stop)
        except StoppedError:
            rounds += 1
            continue
        break
    assert rounds >= 6  # three epochs of two steps
    bench.train("parts", config, resume=True)
    assert same(bench.weights("parts"), bench.weights("whole"))
    # The best epoch is the first one here: the last checkpoint shows that the others are the same, too.
    whole, parts = (
        CheckpointStore(bench.folder / name / "checkpoints").load_latest() for name in ("whole", "parts")
    )
    assert whole is not None
    assert parts is not None
    assert same(parts.arrays, whole.arrays)
    assert any(name.startswith("optimizer.") for name in whole.arrays)
    assert any(name.startswith("average.") for name in whole.arrays)
    states = [decode_state(checkpoint.state) for checkpoint in (whole, parts)]
    for state in states:
        state.history = [replace(epoch, seconds=0.0) for epoch in state.history]
        state.epoch_seconds = 0.0
    assert states[0] == states[1]
    assert states[0].rate_factor < 1


@pytest.fixture(scope="module")
def short(dataset_file: Path, tiny_config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A run of an epoch in each stage, called `whole`."""
    bench = Bench(dataset_file, tmp_path_factory.mktemp("short"))
    bench.train("whole", short_config(tiny_config))
    return bench


def short_config(tiny_config: RunConfig) -> RunConfig:
    return replace(
        tiny_config,
        head_stage=replace(tiny_config.head_stage, epochs=1),
        fine_tune_stage=replace(tiny_config.fine_tune_stage, epochs=1, batch_size=2),
    )


@pytest.mark.parametrize("task", ["Validation", "Features of the training part", "Reference images"])
def test_a_run_stopped_between_images_goes_on_to_the_same_result(
    bench: Bench, short: Bench, tiny_config: RunConfig, task: str
) -> None:
    config = short_config(tiny_config)
    stop = StopRequest()

    def listen(event: AnyEvent) -> None:
        if isinstance(event, Progress) and event.task == task:
            stop.ask()

    with pytest.raises(StoppedError, match="it can be resumed"):
        bench.train("parts", config, listener=listen, stop=stop)
    assert not (bench.folder / "parts" / "bundle").exists()
    manifest = bench.train("parts", config, resume=True)
    assert same(bench.weights("parts"), short.weights("whole"))
    assert manifest.metrics == read_bundle(short.folder / "whole" / "bundle")[0].metrics


def damage_best(run: Path) -> None:
    """Change a byte in the best checkpoint's arrays."""
    best = CheckpointStore(run / "checkpoints").load_best()
    assert best is not None
    file = best.path / "arrays.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def test_a_damaged_best_checkpoint_is_told_of_when_a_run_goes_on(
    bench: Bench, tiny_config: RunConfig
) -> None:
    # Nothing is better than the first epoch by so much: it is the best to the end.
    config = replace(
        tiny_config,
        stages=("head",),
        head_stage=replace(tiny_config.head_stage, epochs=4),
        early_stopping=EarlyStopping(patience=0, min_delta=1.0),
    )
    bench.train_until(StopAfter(EpochEnded, 3), "run", config)
    stopped = len(bench.events)
    run = bench.folder / "run"
    # The checkpoints of the last two epochs are there; of two that are alike the later one is taken.
    kept = max(_history(run / "history.json")[1:], key=lambda e: (e.validation.macro_recall, e.epoch))
    damage_best(run)
    manifest = bench.train("run", config, resume=True)
    (warning,) = [e for e in bench.of(Warned) if "checkpoint" in e.message]
    assert warning.message == (
        "The best checkpoint cannot be used: checkpoint-000001 has an incomplete or changed arrays.safetensors; "
        f"epoch {kept.epoch} of stage head replaces it until there is a better one."
    )
    after = bench.events[stopped:]
    assert after.index(warning) < next(k for k, e in enumerate(after) if isinstance(e, StageStarted))
    assert (manifest.metrics.stage, manifest.metrics.epoch) == ("head", kept.epoch)
    assert manifest.metrics.validation == kept.validation
    best = [e for e in _history(run / "history.json") if e.best]
    assert [(e.stage, e.epoch) for e in best] == [("head", kept.epoch)]


def test_where_no_epoch_is_whole_the_next_one_is_the_best(bench: Bench, tiny_config: RunConfig) -> None:
    config = replace(
        tiny_config, early_stopping=EarlyStopping(patience=0, min_delta=1.0), checkpoint_minutes=1e-9
    )
    # Three checkpoints for each of the head's epochs, then two in the first epoch of fine-tuning.
    bench.train_until(StopAfter(CheckpointSaved, 10), "run", config)
    damage_best(bench.folder / "run")
    manifest = bench.train("run", config, resume=True)
    (warning,) = [e for e in bench.of(Warned) if "checkpoint" in e.message]
    assert warning.message == (
        "The best checkpoint cannot be used: checkpoint-000003 has an incomplete or changed arrays.safetensors; "
        "the best of the remaining epochs will be kept."
    )
    assert (manifest.metrics.stage, manifest.metrics.epoch) == ("fine-tune", 1)


def test_a_best_checkpoint_damaged_while_the_run_goes_on_costs_that_epoch_alone(
    bench: Bench, tiny_config: RunConfig
) -> None:
    config = replace(tiny_config, stages=("head",), early_stopping=EarlyStopping(patience=0, min_delta=1.0))

    def listen(event: AnyEvent) -> None:
        bench.events.append(event)
        if isinstance(event, EpochEnded) and event.epoch == config.head_stage.epochs:
            damage_best(bench.folder / "run")

    manifest = bench.train("run", config, listener=listen)
    (warning,) = [e for e in bench.of(Warned) if "checkpoint" in e.message]
    assert warning.message.startswith(
        "The best checkpoint cannot be used: checkpoint-000001 has an incomplete"
    )
    last = [e.validation for e in bench.of(EpochEnded)[1:]]
    assert manifest.metrics.epoch > 1
    assert manifest.metrics.validation.macro_recall == max(part.macro_recall for part in last)


def test_early_stopping_ends_a_stage_and_keeps_the_best_epoch(bench: Bench, tiny_config: RunConfig) -> None:
    config = replace(
        tiny_config,
        stages=("head",),
        head_stage=replace(tiny_config.head_stage, epochs=40, learning_rate=0.2),
        early_stopping=EarlyStopping(patience=2, metric="accuracy"),
    )
    manifest = bench.train("run", config)
    epochs = bench.of(EpochEnded)
    assert len(epochs) < 40
    assert bench.of(StageEnded)[0].reason == "no improvement for 2 epochs"
    values = [e.validation.accuracy for e in epochs]
    assert manifest.metrics.epoch == 1 + values.index(max(values)) == len(epochs) - 2
    best = CheckpointStore(bench.folder / "run" / "checkpoints").load_best()
    assert best is not None
    for name, array in bench.weights("run").items():
        if name.startswith("head."):
            np.testing.assert_array_equal(array, best.arrays[name])


@pytest.mark.parametrize("metric", ["loss", "recall_mel"])
def test_the_metric_for_the_best_epoch_can_be_chosen(
    bench: Bench, tiny_config: RunConfig, metric: str
) -> None:
    config = replace(
        tiny_config,
        stages=("head",),
        head_stage=replace(tiny_config.head_stage, epochs=6),
        early_stopping=EarlyStopping(patience=0, metric=metric),
    )
    bench.train("run", config)
    epochs = bench.of(EpochEnded)
    values = [-e.validation.loss if metric == "loss" else e.validation.recall["mel"] for e in epochs]
    assert [e for e in epochs if e.best][-1] is epochs[values.index(max(values))]


def test_a_plateau_lowers_the_rate_of_the_epochs_after_it(bench: Bench, tiny_config: RunConfig) -> None:
    schedule = Schedule(kind="plateau", warmup=0.0, plateau_factor=0.1, plateau_patience=1)
    config = replace(
        tiny_config,
        stages=("head",),
        head_stage=replace(tiny_config.head_stage, epochs=8, learning_rate=0.1, schedule=schedule),
    )
    bench.train("run", config)
    rates = [e.learning_rate for e in bench.of(EpochEnded)]
    assert rates[0] == pytest.approx(0.1)
    assert min(rates) <= 0.0101
    assert rates == sorted(rates, reverse=True)


def test_only_the_chosen_blocks_are_trained(bench: Bench, tiny_config: RunConfig) -> None:
    config = replace(
        tiny_config,
        stages=("fine-tune",),
        fine_tune_stage=replace(tiny_config.fine_tune_stage, epochs=1, from_block="block2"),
    )
    bench.train("run", config)
    initial = CheckpointStore(bench.folder / "run" / "initial").load_latest()
    assert initial is not None
    changed = {k for k, v in bench.weights("run").items() if not np.array_equal(v, initial.arrays[k])}
    first = [name for name in initial.arrays if name.startswith(("backbone.000", "backbone.001"))]
    assert first
    assert not changed & set(first)
    assert any(name.startswith("backbone.002.separable_conv2d") for name in changed)
    # Statistics of the backbone's normalization stay what they were.
    assert not any(name.startswith("backbone.") and "moving" in name for name in changed)


@pytest.mark.parametrize("method", ["none", "class-weights", "balanced-sampling", "focal"])
def test_every_answer_to_imbalance_trains(bench: Bench, tiny_config: RunConfig, method: Any) -> None:
    config = replace(
        tiny_config,
        stages=("head",),
        imbalance=Imbalance(method=method),
        head_stage=replace(tiny_config.head_stage, epochs=12),
    )
    assert bench.train("run", config).metrics.validation.macro_recall > 0.6


def test_half_precision_trains(bench: Bench, tiny_config: RunConfig) -> None:
    manifest = bench.train("run", replace(tiny_config, precision="bfloat16"))
    assert {str(array.dtype) for array in bench.weights("run").values()} == {"float32"}
    assert manifest.metrics.validation.macro_recall > 0.5


def test_checkpoints_are_saved_by_the_clock_too(bench: Bench, tiny_config: RunConfig) -> None:
    bench.train("run", replace(tiny_config, stages=("head",), checkpoint_minutes=1e-9))
    assert len(bench.of(CheckpointSaved)) == 3 * 3


def test_a_folder_with_a_run_is_not_overwritten(bench: Bench, whole: Bench, tiny_config: RunConfig) -> None:
    run = shutil.copytree(whole.folder / "whole", bench.folder / "run")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match="already holds a run; resume it"):
        bench.train("run", tiny_config)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    (bench.folder / "other").mkdir()
    (bench.folder / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not an empty folder"):
        bench.train("other", tiny_config)


def test_a_run_is_not_resumed_on_another_split(
    bench: Bench, whole: Bench, tiny_config: RunConfig, image_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole.folder / "whole", bench.folder / "run")
    bench.dataset_file = tmp_path / "other.db"
    import_dataset(image_folder, bench.dataset_file)
    with pytest.raises(DatasetError, match="no split yet"):
        bench.train("new", tiny_config)
    with DatasetStore.open(bench.dataset_file) as store:
        split_dataset(store, seed=9)
    with pytest.raises(CheckpointError, match="has changed since the run"):
        bench.train("run", tiny_config, resume=True)


def test_the_bundle_certifies_the_split_it_was_trained_on(
    bench: Bench, tiny_config: RunConfig, dataset_file: Path, tmp_path: Path
) -> None:
    bench.dataset_file = tmp_path / "own.db"
    shutil.copy(dataset_file, bench.dataset_file)
    with DatasetStore.open(bench.dataset_file, read_only=True) as store:
        trained_on = store.certificate()

    def split_again(event: AnyEvent) -> None:
        if isinstance(event, StageStarted):
            with DatasetStore.open(bench.dataset_file) as store:
                split_dataset(store, seed=99, fractions=(0.4, 0.3, 0.3))

    manifest = bench.train("run", replace(tiny_config, stages=("head",)), listener=split_again)
    assert manifest.split == trained_on
    assert manifest.dataset_fingerprint == manifest.split.fingerprint


def test_unusable_settings_are_refused_in_words(bench: Bench, tiny_config: RunConfig) -> None:
    wrong_metric = replace(tiny_config, early_stopping=EarlyStopping(metric="recall_df"))
    with pytest.raises(ConfigError, match="its classes are bkl, mel, nv"):
        bench.train("a", wrong_metric)
    # What never began does not stand in the way of the next attempt.
    bench.train_until(StopAfter(StageStarted, 1), "a", tiny_config)
    wrong_block = replace(
        tiny_config, fine_tune_stage=replace(tiny_config.fine_tune_stage, from_block="block9")
    )
    with pytest.raises(ConfigError, match="has no block 'block9'"):
        bench.train("b", wrong_block)


def test_a_finished_run_keeps_its_bundle_and_no_checkpoints(bench: Bench, tiny_config: RunConfig) -> None:
    config = replace(tiny_config, stages=("head",), keep_checkpoints=False)
    manifest = bench.train("run", config)
    run = RunFolder(bench.folder / "run")
    assert not run.checkpoints_folder.exists()
    assert not run.initial.exists()
    assert read_bundle(run.bundle)[0] == manifest
    assert [path.name for path in run.path.iterdir() if path.name.startswith(".")] == [".lock"]
    with pytest.raises(CheckpointError, match=r"has finished: use its bundle .*bundle"):
        bench.train("run", config, resume=True)
    assert read_bundle(run.bundle)[0] == manifest


def test_a_run_whose_bundle_is_damaged_keeps_its_checkpoints(bench: Bench, tiny_config: RunConfig) -> None:
    bench.train("run", replace(tiny_config, stages=("head",)))
    run = RunFolder(bench.folder / "run")
    (run.bundle / "weights.safetensors").write_bytes(b"")
    with pytest.raises(BundleError):
        run.remove_checkpoints()
    assert run.checkpoints().load_latest() is not None
