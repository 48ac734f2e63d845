from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import keras
import msgspec
import numpy as np
import pytest

from trainer.backbones import get_backbone
from trainer.config import OFFERED_BACKBONES, FineTuneStage, HeadSettings, HeadStage, RunConfig
from trainer.dataset.store import DatasetStore
from trainer.prediction.inference import Predictor
from trainer.training.loop import train

IN_A_FRESH_PROCESS = """
import json, sys
from pathlib import Path
from trainer.prediction.inference import Predictor
result = []
for _ in range(2):
    predictions = Predictor(Path(sys.argv[1])).predict([Path(p) for p in sys.argv[2:]])
    result.append([p.probabilities for p in predictions])
print(json.dumps(result))
"""


@pytest.mark.parametrize("name", OFFERED_BACKBONES)
def test_both_stages_a_bundle_and_the_same_probabilities_wherever_it_is_loaded(
    name: str, dataset_file: Path, image_folder: Path, tmp_path: Path
) -> None:
    keras.backend.clear_session()
    backbone = get_backbone(name)
    config = RunConfig(
        backbone=name,
        input_size=backbone.minimum_size,
        weights="random",
        # Another seed than the one a network is rebuilt with: weights that were not loaded would show.
        seed=5,
        device="cpu",
        head=HeadSettings(dense=(16,)),
        head_stage=HeadStage(epochs=1, batch_size=64, views=0),
        fine_tune_stage=FineTuneStage(epochs=1, batch_size=48),
        test_views=1,
    )
    with DatasetStore.open(dataset_file, read_only=True) as store:
        manifest = train(store, tmp_path / "run", config, cache_folder=tmp_path / "cache")
    assert manifest.backbone == name
    bundle = tmp_path / "run" / "bundle"
    images = sorted((image_folder / "images").glob("*.png"))[:3]
    first = [p.probabilities for p in Predictor(bundle).predict(images)]
    again = [p.probabilities for p in Predictor(bundle).predict(images)]
    words = [sys.executable, "-c", IN_A_FRESH_PROCESS, str(bundle), *map(str, images)]
    output = subprocess.run(words, capture_output=True, check=True, text=True).stdout
    elsewhere = json.loads(output.splitlines()[-1])
    expected = np.array([list(p.values()) for p in first if p is not None])
    assert expected.shape == (3, 3)
    assert np.ptp(expected, axis=0).max() > 1e-4
    for other in (again, *elsewhere):
        values = np.array([list(p.values()) for p in other])
        np.testing.assert_allclose(values, expected, atol=1e-5)
    assert msgspec.json.decode((bundle / "manifest.json").read_bytes())["backbone"] == name
