"""Parts of a split as tables and folders name them."""

from __future__ import annotations

import re

_PARTS = {
    **dict.fromkeys(("train", "training", "trn", "tr"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "holdout", "eval", "evaluation"), "test"),
}


def part_named(text: str) -> str | None:
    """Return the part that a cell or the name of a table or folder stands for: `train`, `validation` or `test`.

    `val_dir` and `ISIC2018_Task3_Test_GroundTruth` are understood. `None` if it names none, or two.
    """
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).casefold())
    parts = {_PARTS[word] for word in words if word in _PARTS}
    return parts.pop() if len(parts) == 1 else None
