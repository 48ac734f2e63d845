from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.small import draw_small_images, index_small_images
from trainer.backbones import get_backbone
from trainer.config import OFFERED_BACKBONES, FineTuneStage, HeadSettings, HeadStage, RunConfig
from trainer.dataset.store import DatasetStore
from trainer.images.decoding import read_image
from trainer.prediction.evidence import explain
from trainer.prediction.inference import Predictor
from trainer.runs.bundle import read_manifest
from trainer.training.loop import train

COUNTS = {"bkl": 8, "mel": 8, "nv": 8}
"""As few images as can be split: what is asked here does not depend on what the networks learn."""

IN_ANOTHER_PROCESS = """
import json, sys
from pathlib import Path
import keras
from trainer.prediction.inference import Predictor
for line in sys.stdin:
    keras.backend.clear_session()  # Keras numbers layers from the start, as in a process that has built nothing
    bundle, *images = map(Path, json.loads(line))
    print(json.dumps([p.probabilities for p in Predictor(bundle).predict(images)]), flush=True)
"""


class OtherProcess:
    """Predicts where nothing was trained; one process for all backbones, since TensorFlow takes its time to load."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def predict(self, bundle: Path, images: list[Path]) -> list[dict[str, float]]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps([str(bundle), *map(str, images)]) + "\n")
        self._child.stdin.flush()
        probabilities: list[dict[str, float]] = json.loads(self._child.stdout.readline())
        return probabilities


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[OtherProcess]:
    words = [sys.executable, "-c", IN_ANOTHER_PROCESS]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        yield OtherProcess(child)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_small_images(tmp_path_factory.mktemp("few images"), COUNTS)


@pytest.fixture(scope="module")
def dataset(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return index_small_images(images, tmp_path_factory.mktemp("few") / "few.db")


@pytest.mark.parametrize("name", OFFERED_BACKBONES)
def test_both_stages_a_bundle_and_the_same_probabilities_wherever_it_is_loaded(
    name: str, dataset: Path, images: Path, elsewhere: OtherProcess, tmp_path: Path
) -> None:
    keras.backend.clear_session()
    config = RunConfig(
        backbone=name,
        input_size=get_backbone(name).minimum_size,
        weights="random",
        # Another seed than the one a network is rebuilt with: weights that were not loaded would show.
        seed=5,
        device="cpu",
        head=HeadSettings(dense=(16,)),
        head_stage=HeadStage(epochs=1, batch_size=16, views=0),
        fine_tune_stage=FineTuneStage(epochs=1, batch_size=16),
        test_views=1,
    )
    with DatasetStore.open(dataset, read_only=True) as store:
        manifest = train(store, tmp_path / "run", config, cache_folder=tmp_path / "cache")
    assert manifest.backbone == name
    bundle = tmp_path / "run" / "bundle"
    assert read_manifest(bundle).backbone == name
    files = sorted((images / "images").glob("*.png"))[:3]
    # This process has built the network for the training and once more for the bundle.
    predictor = Predictor(bundle)
    here = [p.probabilities for p in predictor.predict(files)]
    expected = np.array([list(p.values()) for p in here if p is not None])
    assert expected.shape == (3, 3)
    assert np.ptp(expected, axis=0).max() > 1e-4
    values = np.array([list(p.values()) for p in elsewhere.predict(bundle, files)])
    np.testing.assert_allclose(values, expected, atol=1e-5)
    last, finer = (np.array(map_.grid) for map_ in explain(predictor, read_image(files[0]), "mel"))
    assert 1 <= len(last) < len(finer)
    for grid in (last, finer):
        assert grid.shape == (len(grid), len(grid))
        assert grid.min() >= 0
        assert grid.max() in {0.0, 1.0}
