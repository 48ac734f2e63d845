"""The command `demo`: the main job from a drawn dataset to a prediction, offline, in a few minutes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.backbones import get_backbone
from trainer.commands.predicting import as_text, predict
from trainer.dataset.demo.folder import make_demo_dataset
from trainer.dataset.store import DatasetStore
from trainer.events import silent
from trainer.network.weights import ready_weights
from trainer.prediction.scoring import score
from trainer.presets import DEMO_BACKBONE, demo_config
from trainer.training.loop import train

if TYPE_CHECKING:
    from trainer.events import Listener, StopRequest

_IMAGES_SHOWN = 3


def run_demo(folder: Path, listener: Listener = silent, stop: StopRequest | None = None) -> str:
    """Draw a dataset, train on it, score the network and predict some images.

    Args:
        folder: for everything; an earlier demo in it is replaced.
        listener: receives the events.
        stop: asked between steps.

    Returns:
        The results and where everything lies, as lines for a terminal.

    Raises:
        DatasetError: `folder` holds something else.
    """
    begun = time.monotonic()
    run = folder / "run"
    drawings, file, import_report, certificate = make_demo_dataset(folder, listener, stop)
    pretrained = ready_weights(get_backbone(DEMO_BACKBONE)) is not None
    with DatasetStore.open(file) as store:
        config = demo_config(pretrained=pretrained)
        train(store, run, config, cache_folder=folder / "features", listener=listener, stop=stop)
        scoring = score(run / "bundle", store, "test", report=folder / "report", listener=listener, stop=stop)
        shown = store.frame("test")
    shown = shown.groupby("class_name").head(1).head(_IMAGES_SHOWN)
    paths = [Path(path) for path in shown["path"]]
    predictions, _, manifest = predict(run / "bundle", paths, listener=listener, stop=stop)
    start = (
        "The backbone started from ImageNet weights."
        if pretrained
        else "ImageNet weights are not on this machine, so the backbone started from random weights."
    )
    return "\n".join(
        [
            certificate.describe(),
            "",
            scoring.text,
            "",
            as_text(predictions, manifest),
            "",
            f"All images are drawings, {import_report.problems} of them damaged on purpose.",
            "These results say nothing about real lesions.",
            start,
            f"Drawn images   {drawings}",
            f"Dataset        {file}",
            f"Run            {run}",
            f"Bundle         {run / 'bundle'}",
            f"Report         {folder / 'report'}",
            f"Done in {time.monotonic() - begun:.0f} s.",
        ]
    )
