"""Masks and other pictures that accompany photographs, recognised by name and content."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from trainer.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_WORDS = frozenset(
    [
        "mask",
        "masks",
        "segmentation",
        "segmentations",
        "groundtruth",
        "superpixel",
        "superpixels",
        "attribute",
        "attributes",
        "roi",
        "rois",
        "annotation",
        "annotations",
        "heatmap",
        "heatmaps",
        "contour",
        "contours",
    ]
)
"""Words in names of folders that hold no photographs."""

_ENDING = re.compile(
    r"(?P<stem>.+?)[ _-](mask|segmentation|seg|superpixels?|attribute[ _-].+|ground[ _-]?truth|gt|lesion|roi|contour"
    r"|annotation|heatmap|binary|r\d+[ _-]label\d+)$",
    re.IGNORECASE,
)
"""Ends of names that say the same, behind the name of the photograph."""

_LOOKED_AT = 3  # files of a folder whose pixels are looked at
_FEW_GREYS = 8  # a mask has two; resampling of a JPEG file adds some near them
_NEAR = 24  # grey levels from black or white


def companions_among(root: Path, images: Sequence[str]) -> set[str]:
    """Return the image files that are masks or other maps rather than photographs.

    By name: they lie in a folder that says so, or their name is that of another image and such a word. By content:
    files that have the names of images in another folder, in a folder of black-and-white pictures.

    Args:
        root: the folder.
        images: paths relative to it; nothing is returned if none of them would be left.
    """
    stems = {_stem(path) for path in images}
    found = {path for path in images if _named_so(path, stems)}
    left = [path for path in images if path not in found]
    if not left:
        return set()
    found |= _drawn_so(root, left)
    return found if len(found) < len(images) else set()


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0].casefold()


def _named_so(path: str, stems: set[str]) -> bool:
    ending = _ENDING.match(_stem(path))
    if ending is not None and ending["stem"] in stems:
        return True
    return any(_folder_says_so(folder) for folder in path.split("/")[:-1])


def _folder_says_so(name: str) -> bool:
    # `GroundTruth`, `ground truth` and `ISIC2018_Task1_Training_GroundTruth` alike; "Unmasked" is another word.
    joined = re.sub(r"ground[ _-]?truths?", " groundtruth ", name, flags=re.IGNORECASE)
    return not _WORDS.isdisjoint(re.findall(r"[a-z]+", joined.casefold()))


def _drawn_so(root: Path, images: Iterable[str]) -> set[str]:
    """Return the images of those folders that repeat the names of another one's in black and white."""
    folders: defaultdict[str, list[str]] = defaultdict(list)
    places: defaultdict[str, set[str]] = defaultdict(set)
    for path in images:
        folder = path.rpartition("/")[0]
        folders[folder].append(path)
        places[_stem(path)].add(folder)
    shared = {folder for there in places.values() if len(there) > 1 for folder in there}
    masks = set()
    for folder in shared:
        twins = [path for path in folders[folder] if len(places[_stem(path)]) > 1]
        if all(
            _is_black_and_white(root / path)
            for path in twins[:: max(1, len(twins) // _LOOKED_AT)][:_LOOKED_AT]
        ):
            masks.add(folder)
    return {path for folder in masks for path in folders[folder]} if masks < folders.keys() else set()


def _is_black_and_white(path: Path) -> bool:
    import numpy as np

    from trainer.images import memory
    from trainer.images.decoding import reading

    try:
        with reading(path) as (image, _):
            # Of a large image some pixels will do: what follows takes as much memory as the image again.
            step = math.ceil(math.sqrt(image.size / (3 * memory.WHOLE)))
            pixels = image[::step, ::step].copy()
    except ImageError:
        return False
    if (pixels != pixels[..., :1]).any():
        return False
    greys = np.unique(pixels[..., 0])
    middle = (pixels[..., 0] > _NEAR) & (pixels[..., 0] < 255 - _NEAR)
    return len(greys) <= _FEW_GREYS or float(middle.mean()) < 0.02  # noqa: PLR2004 - edges blurred by JPEG
