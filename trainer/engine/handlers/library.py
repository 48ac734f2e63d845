"""Datasets: imported, split and drawn, without TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trainer.engine.handling import handles
from trainer.protocol.library import (
    DemoDrawn,
    DrawDemo,
    ImportDone,
    ImportFolder,
    SplitDataset,
    SplitDone,
)

if TYPE_CHECKING:
    from trainer.engine.handling import Context


@handles(ImportFolder)
def import_folder(job: ImportFolder, context: Context) -> ImportDone:
    """Index a folder of images."""
    from trainer.dataset.importing import import_dataset

    report = import_dataset(
        Path(job.source),
        Path(job.dataset),
        layout=job.layout,
        columns=job.columns,
        listener=context.listener,
        stop=context.stop,
    )
    return ImportDone(report=report)


@handles(SplitDataset)
def split(job: SplitDataset, context: Context) -> SplitDone:
    """Split a dataset by group."""
    from trainer.dataset.splitting import split_dataset
    from trainer.dataset.store import DatasetStore

    with DatasetStore.open(Path(job.dataset)) as store:
        certificate = split_dataset(
            store, seed=job.seed, fractions=job.fractions, listener=context.listener, stop=context.stop
        )
    return SplitDone(certificate=certificate)


@handles(DrawDemo)
def draw_demo(job: DrawDemo, context: Context) -> DemoDrawn:
    """Draw the demo's lesions, import and split them."""
    from trainer.dataset.demo.folder import make_demo_dataset

    demo = make_demo_dataset(Path(job.folder), context.listener, context.stop)
    return DemoDrawn(dataset=str(demo.file), report=demo.report)
