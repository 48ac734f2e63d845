"""Makes the samples in this folder with SkinDesk 0.1; README.md says how. Today's modules have other names."""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path

from skindesk.models.case import Case, new_image
from skindesk.models.framing import Box, Framing
from skindesk.models.kept_case import text_of
from skindesk.models.patient import PatientFields
from skindesk.models.run_reading import write_name
from skindesk.settings import Settings

from trainer.archive import export_archive
from trainer.cli import main
from trainer.config import Augmentation, EarlyStopping, FineTuneStage, HeadSettings, HeadStage, RunConfig
from trainer.dataset.demo import draw_dataset
from trainer.dataset.importing import import_dataset
from trainer.dataset.splitting import split_dataset
from trainer.dataset.store import DatasetStore
from trainer.errors import StoppedError
from trainer.events import AnyEvent, StepDone, StopRequest
from trainer.training import train

CONFIG = RunConfig(
    backbone="tiny",
    weights="random",
    precision="float32",
    device="cpu",
    head=HeadSettings(dense=(8,), dropout=0.2),
    head_stage=HeadStage(epochs=4, batch_size=8, views=1, learning_rate=1e-2),
    fine_tune_stage=FineTuneStage(epochs=2, batch_size=8, learning_rate=3e-3, average=0.9),
    augmentation=Augmentation(rotation=30),
    early_stopping=EarlyStopping(patience=0),
    deterministic=True,
    test_views=2,
    cache_mib=16,
)


def make_dataset(folder: Path) -> Path:
    """Draw, import, correct and split the samples."""
    draw_dataset(folder / "images", seed=1, lesions=24, size=(48, 36))
    file = folder / "lesions.db"
    import_dataset(folder / "images", file)
    with DatasetStore.open(file) as store:
        store.edit(["DRAWN_0000005"], site="chest", age=51.0)
        split_dataset(store, seed=1, fractions=(0.6, 0.2, 0.2))
    return file


def make_stopped_run(dataset: Path, run: Path, cache: Path) -> None:
    """Train and stop after a step, in the middle of the last epoch of the second stage."""
    stop = StopRequest()

    def listen(event: AnyEvent) -> None:
        if isinstance(event, StepDone) and (event.stage, event.epoch) == ("fine-tune", 2):
            stop.ask()

    with contextlib.suppress(StoppedError), DatasetStore.open(dataset) as store:
        train(store, run, CONFIG, cache_folder=cache, listener=listen, stop=stop)


def make_finished_run(dataset: Path, run: Path, cache: Path) -> None:
    """Train to the end, name the run and score its bundle."""
    with DatasetStore.open(dataset) as store:
        train(store, run, CONFIG, cache_folder=cache)
    write_name(run, "First try – größer")
    assert main(["evaluate", str(run / "bundle"), str(dataset), "--report", str(run / "report-test")]) == 0


def make_settings(file: Path, folder: Path) -> None:
    """Set one setting of each kind."""
    settings = Settings(file)
    settings.set_value("appearance", "dark")
    settings.set_value("paper", "Letter")
    settings.set_value("stop_grace_seconds", 90)
    settings.set_value("recent_datasets", [str(folder / "lesions.db")])
    settings.set_value("dataset_columns", [640, 320])
    settings.flush()


def make_kept_case(file: Path, images: list[Path]) -> None:
    """Keep a diagnosis of two images of a lesion, one of them turned and cropped."""
    turned = new_image(images[1], Framing(90.0, Box(0.0, 0.0, 0.5, 1.0)))
    patient = PatientFields(name="Ada Björk", age="51", site="back", notes="Seen twice.\nGrows.")
    case = Case((new_image(images[0]), turned), turned.number, together=True, patient=patient)
    file.parent.mkdir()
    file.write_text(text_of(case), encoding="utf-8")


def make_all(folder: Path, cache: Path) -> None:
    """Make every sample in a new folder."""
    dataset = make_dataset(folder)
    make_stopped_run(dataset, folder / "runs" / "stopped", cache)
    run = folder / "runs" / "finished"
    make_finished_run(dataset, run, cache)
    for unneeded in (*run.rglob("*.png"), *run.glob("initial"), *run.glob("checkpoints")):
        shutil.rmtree(unneeded) if unneeded.is_dir() else unneeded.unlink()
    export_archive(run, folder / "finished.skindesk", name="First try – größer")
    make_settings(folder / "settings.json", folder)
    images = sorted((folder / "images" / "HAM10000_images_part_1").glob("DRAWN_0*.jpg"))[:4]
    make_kept_case(folder / "unfinished" / "1.json", images[:2])
    names = [str(image.relative_to(folder)) for image in images]
    with (
        contextlib.chdir(folder),
        Path("predictions.json").open("w", encoding="utf-8") as stream,
        contextlib.redirect_stdout(stream),
    ):
        assert main(["predict", str(run / "bundle"), *names, "--json"]) == 0


if __name__ == "__main__":
    make_all(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
