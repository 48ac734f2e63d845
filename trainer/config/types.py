"""What all settings share: the names of choices, common ranges, and their base."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

BackboneName: TypeAlias = Literal["inceptionv3", "xception", "resnet50v2", "densenet121", "tiny"]
StageName: TypeAlias = Literal["head", "fine-tune"]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]
DeviceChoice: TypeAlias = Literal["auto", "cpu", "gpu"]
Shape: TypeAlias = Literal["centre-square", "pad", "squash"]
Resampling: TypeAlias = Literal["bilinear", "bicubic", "lanczos"]
ImbalanceMethod: TypeAlias = Literal[
    "none", "class-weights", "balanced-sampling", "focal", "logit-adjustment"
]

OFFERED_BACKBONES: tuple[BackboneName, ...] = ("inceptionv3", "xception", "resnet50v2", "densenet121")
"""Backbones a user can choose; `tiny` exists for tests and the self-test only."""

Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, Meta(gt=0.0)]
NotNegative = Annotated[float, Meta(ge=0.0)]
Count = Annotated[int, Meta(ge=1)]
CountOrNone = Annotated[int, Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all settings: frozen, and strict about unknown names."""
