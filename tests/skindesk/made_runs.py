"""Runs made from nothing: folders as training leaves them, with a bundle whose weights are all 1."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from trainer.backbones import get_backbone
from trainer.config import RunConfig
from trainer.dataset.drawn import SPLIT_NOTE
from trainer.dataset.groups.certificate import SplitCertificate
from trainer.events import EpochEnded, Finished, PartMetrics, encode_event
from trainer.metrics.classification import compute_metrics
from trainer.metrics.decision import Calibration
from trainer.runs.bundle import BundleMetrics, Manifest, bundle_hash, write_bundle
from trainer.runs.folder import RunFolder
from trainer.runs.reports import PredictionTable, ScoredMetrics, report_folder, write_report
from trainer.runs.weights_header import head_shapes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainer.events import AnyEvent

CLASSES = ("bkl", "mel", "nv")
SUPPORT = {"bkl": 5, "mel": 4, "nv": 8}
ENDED_WELL = Finished(result="bundle", summary="Best epoch: head 2.")


def make_epochs(recalls: Sequence[float]) -> list[EpochEnded]:
    """Epochs of stage `head` whose validation macro recalls are these."""
    best = -1.0
    epochs = []
    for number, recall in enumerate(recalls, start=1):
        part = PartMetrics(
            loss=2.0 - recall,
            accuracy=recall,
            macro_recall=recall,
            recall=dict.fromkeys(CLASSES, recall),
            support=SUPPORT,
        )
        epochs.append(
            EpochEnded(
                stage="head",
                epoch=number,
                train=part,
                validation=part,
                learning_rate=1e-3,
                seconds=1.0,
                best=recall > best,
            )
        )
        best = max(best, recall)
    return epochs


def make_bundle(
    folder: Path, config: RunConfig, *, created: datetime, fingerprint: str, notes: tuple[str, ...] = ()
) -> Manifest:
    """A bundle whose weights are all 1; it can be read, but predicts nothing."""
    epoch = make_epochs([0.5])[0]
    third = dict.fromkeys(CLASSES, 1 / len(CLASSES))
    parts = {"train": 50, "validation": 17, "test": 17}
    manifest = Manifest(
        program_version="0.1.0",
        created=created,
        backbone=config.backbone,
        head=config.head,
        classes=CLASSES,
        malignant=("mel",),
        input_size=config.input_size or 32,
        geometry=config.geometry,
        calibration=Calibration(
            classes=CLASSES,
            temperature=1.0,
            bias=dict.fromkeys(CLASSES, 0.0),
            prior=third,
            decision_weights=third,
        ),
        split=SplitCertificate(
            seed=1,
            fractions=(0.6, 0.2, 0.2),
            images=parts,
            groups=parts,
            lesions=parts,
            classes={part: dict.fromkeys(CLASSES, 5) for part in parts},
            groups_in_two_parts=0,
            lesions_in_two_parts=0,
            patients_in_two_parts=0,
            notes=notes,
            fingerprint=fingerprint,
        ),
        dataset_fingerprint=fingerprint,
        metrics=BundleMetrics(stage="head", epoch=1, validation=epoch.validation),
        config=config,
        weights_origin="Random weights, made for a test.",
        versions={"python": "3.11"},
    )
    tiny = get_backbone("tiny")
    shapes = head_shapes(tiny.features, len(CLASSES), config.head) | {"backbone.all": (tiny.parameters,)}
    return write_bundle(folder, manifest, {name: np.ones(shape, "f4") for name, shape in shapes.items()})


def make_run(
    folder: Path,
    *,
    recalls: Sequence[float] = (0.4, 0.6, 0.5),
    last: AnyEvent | None = ENDED_WELL,
    bundle: bool = True,
    config: RunConfig | None = None,
    fingerprint: str = "ab" * 32,
    created: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC),
    drawn: bool = False,
) -> Path:
    """A run's folder after these epochs; `last` is the last event, none for a run that was killed."""
    config = config or RunConfig(backbone="tiny", input_size=32, stages=("head",))
    run = RunFolder(folder)
    run.start(config)
    epochs = make_epochs(recalls)
    run.write_history(epochs)
    events = [*epochs, *([last] if last is not None else [])]
    run.events_file.write_bytes(b"".join(encode_event(event) for event in events))
    if bundle:
        notes = (SPLIT_NOTE,) if drawn else ()
        make_bundle(run.bundle, config, created=created, fingerprint=fingerprint, notes=notes)
    return folder


def make_report(
    run: Path,
    part: str,
    samples: Sequence[tuple[str, str, str]],
    *,
    fingerprint: str = "ab" * 32,
    bundle: str | None = None,
    probability: float = 0.8,
    prior: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3),
) -> Path:
    """A report without pictures, of (sample id, true class, predicted class); `probability` is the predicted's."""
    truth = np.array([CLASSES.index(true) for _, true, _ in samples])
    predicted = np.array([CLASSES.index(chosen) for _, _, chosen in samples])
    probabilities = np.full((len(samples), 3), (1 - probability) / 2)
    probabilities[np.arange(len(samples)), predicted] = probability
    groups = [name for name, _, _ in samples]
    metrics = compute_metrics(truth, probabilities, predicted, CLASSES, groups, bootstrap=50)
    scored = ScoredMetrics(
        **msgspec.structs.asdict(metrics),
        split=part,
        bundle=bundle_hash(run / "bundle") if bundle is None else bundle,
        dataset_fingerprint=fingerprint,
        prior=dict(zip(CLASSES, prior, strict=True)),
        decision_rule="argmax",
        test_scorings=1 if part == "test" else None,
    )
    folder = report_folder(run, part)
    folder.mkdir(parents=True)
    table = PredictionTable(CLASSES, tuple(groups), truth, predicted, probabilities)
    write_report(folder, scored, table)
    return folder
