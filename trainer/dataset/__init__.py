"""Datasets: importing folders of images, the index, groups and splits. Loads without TensorFlow.

What is named here is loaded when it is first asked for: a window that only knows the words for a split and an
import must not wait for numpy and the decoder.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.dataset.certificate import PARTS, SplitCertificate
    from trainer.dataset.classes import FULL_NAMES, HAM_CLASSES, MALIGNANT, full_name
    from trainer.dataset.importing import import_dataset
    from trainer.dataset.layouts import LAYOUTS
    from trainer.dataset.reports import ImportReport
    from trainer.dataset.splitting import check_trainable, split_dataset
    from trainer.dataset.store import DatasetStore

__all__ = [
    "FULL_NAMES",
    "HAM_CLASSES",
    "LAYOUTS",
    "MALIGNANT",
    "PARTS",
    "DatasetStore",
    "ImportReport",
    "SplitCertificate",
    "check_trainable",
    "full_name",
    "import_dataset",
    "split_dataset",
]

_HOMES = {
    "certificate": ("PARTS", "SplitCertificate"),
    "classes": ("FULL_NAMES", "HAM_CLASSES", "MALIGNANT", "full_name"),
    "importing": ("import_dataset",),
    "layouts": ("LAYOUTS",),
    "reports": ("ImportReport",),
    "splitting": ("check_trainable", "split_dataset"),
    "store": ("DatasetStore",),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"trainer.dataset.{module}"), name)
    raise AttributeError(f"module 'trainer.dataset' has no attribute {name!r}")
