"""The settings of a run: declared in `settings`, `images` and `stages`, listed in `fields`, read and written in `reading`."""

from trainer.config.images import Augmentation, Geometry
from trainer.config.reading import (
    check_config,
    config_from_json,
    config_from_toml,
    config_to_json,
    config_to_toml,
)
from trainer.config.settings import (
    CONFIG_VERSION,
    WITHOUT_EFFECT_ON_RESULT,
    HeadSettings,
    Imbalance,
    RunConfig,
)
from trainer.config.stages import EarlyStopping, FineTuneStage, HeadStage, Schedule
from trainer.config.types import (
    OFFERED_BACKBONES,
    BackboneName,
    DeviceChoice,
    ImbalanceMethod,
    Precision,
    Resampling,
    Settings,
    Shape,
    StageName,
)

__all__ = [
    "CONFIG_VERSION",
    "OFFERED_BACKBONES",
    "WITHOUT_EFFECT_ON_RESULT",
    "Augmentation",
    "BackboneName",
    "DeviceChoice",
    "EarlyStopping",
    "FineTuneStage",
    "Geometry",
    "HeadSettings",
    "HeadStage",
    "Imbalance",
    "ImbalanceMethod",
    "Precision",
    "Resampling",
    "RunConfig",
    "Schedule",
    "Settings",
    "Shape",
    "StageName",
    "check_config",
    "config_from_json",
    "config_from_toml",
    "config_to_json",
    "config_to_toml",
]
