"""Datasets: importing folders of images, the index, groups and splits. Loads without TensorFlow."""

from trainer.dataset.certificate import PARTS, SplitCertificate
from trainer.dataset.classes import FULL_NAMES, HAM_CLASSES, MALIGNANT, full_name
from trainer.dataset.importing import ImportReport, import_dataset
from trainer.dataset.layouts import LAYOUTS
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
