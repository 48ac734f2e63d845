"""Where ImageNet weights lie on this machine. Loads without TensorFlow, HDF5 or anything that fetches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.errors import WeightsError

if TYPE_CHECKING:
    from trainer.backbones import Backbone

WEIGHTS_VARIABLE = "SKINDESK_WEIGHTS_DIR"


def keras_cache() -> Path:
    """Return the folder in which Keras keeps the weights it downloads."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "models"


def own_file_name(backbone: Backbone) -> str:
    """Return the name under which a backbone's ImageNet weights are looked for, beside Keras' own."""
    return f"{backbone.name}_imagenet_notop.weights.h5"


def locate_weights(backbone: Backbone, weights_dir: Path | None = None) -> Path | None:
    """Return where ImageNet weights lie on this machine, unchecked, or `None` where they would be fetched.

    Raises:
        WeightsError: `weights_dir`, or the folder named by SKINDESK_WEIGHTS_DIR, does not exist.
    """
    for folder in _folders(weights_dir):
        for name in (own_file_name(backbone), backbone.keras_file):
            if name and (folder / name).is_file():
                return folder / name
    cached = keras_cache() / backbone.keras_file
    return cached if backbone.keras_file and cached.is_file() else None


def _folders(weights_dir: Path | None) -> list[Path]:
    named = [(weights_dir, "the settings or the command line")]
    variable = os.environ.get(WEIGHTS_VARIABLE)
    if variable:
        named.append((Path(variable).expanduser(), f"the environment variable {WEIGHTS_VARIABLE}"))
    folders = []
    for folder, where in named:
        if folder is not None:
            if not folder.is_dir():
                raise WeightsError(f"The weights folder {folder}, named by {where}, does not exist.")
            folders.append(folder)
    return folders
