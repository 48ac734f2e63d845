"""A prediction: what a network says of one image. The command line, the engine, the window and the PDF share it."""

from __future__ import annotations

import msgspec


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """What a network says of one image, or why it says nothing.

    Attributes:
        path: of the image, as given (see `trainer.files.printable`).
        probabilities: by class, calibrated to the prior the manifest names, summing to 1; empty where the image
            cannot be read.
        predicted: the class that the manifest's decision rule takes; empty where the image cannot be read.
        malignant_probability: sum of the malignant classes' probabilities, 0 to 1.
        warnings: sentences about the image, or about a network that must not be taken seriously.
        metadata: what the caller knows of the image, by column; `None` for nothing.
        error: why there is no prediction; empty where there is one.
    """

    path: str
    probabilities: dict[str, float] = {}
    predicted: str = ""
    malignant_probability: float = 0.0
    warnings: tuple[str, ...] = ()
    metadata: dict[str, str] | None = None
    error: str = ""
