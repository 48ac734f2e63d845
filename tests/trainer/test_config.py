"""Settings: one name everywhere, the same in JSON and TOML, strict about what they do not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from trainer.config import (
    OFFERED_BACKBONES,
    Augmentation,
    EarlyStopping,
    FineTuneStage,
    HeadSettings,
    HeadStage,
    Imbalance,
    RunConfig,
    Schedule,
    check_config,
    config_from_json,
    config_from_toml,
    config_to_json,
    config_to_toml,
)
from trainer.config.fields import fields
from trainer.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

CHANGED = RunConfig(
    backbone="densenet121",
    input_size=128,
    weights="random",
    stages=("head",),
    seed=7,
    head=HeadSettings(dense=(), dropout=0.0),
    augmentation=Augmentation(rotation=0.0, flip_vertical=False),
    imbalance=Imbalance(method="focal", focal_gamma=1.5),
    fine_tune_stage=FineTuneStage(from_block="conv5", schedule=Schedule(kind="plateau")),
    early_stopping=EarlyStopping(metric="recall_mel", patience=0),
    precision="bfloat16",
    device="cpu",
    deterministic=True,
)


@pytest.mark.parametrize("config", [RunConfig(), CHANGED])
def test_settings_come_back_from_json_and_toml(tmp_path: Path, config: RunConfig) -> None:
    assert config_from_json(config_to_json(config)) == config
    (tmp_path / "config.toml").write_text(config_to_toml(config))
    assert config_from_toml(tmp_path / "config.toml") == config


def test_settings_made_in_code_are_checked_too() -> None:
    assert check_config(CHANGED) == CHANGED
    for changes in ({"input_size": 5000}, {"seed": 2**40}, {"stages": ("fine-tune", "head")}):
        with pytest.raises(ConfigError, match=next(iter(changes))):
            check_config(msgspec.structs.replace(RunConfig(), **changes))


def test_what_a_file_leaves_out_keeps_its_default(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('backbone = "resnet50v2"\n[head]\ndropout = 0.5\n')
    config = config_from_toml(tmp_path / "c.toml")
    assert config == RunConfig(backbone="resnet50v2", head=HeadSettings(dropout=0.5))


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        RunConfig().seed = 1  # type: ignore[misc]


def test_the_internal_backbone_is_not_offered() -> None:
    assert "tiny" not in OFFERED_BACKBONES
    assert len(OFFERED_BACKBONES) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sead = 1", "unknown field `sead`"),
        ("[head]\nlayers = 3", "unknown field `layers`"),
        ('backbone = "vgg16"', "Invalid enum value 'vgg16'"),
        ("input_size = 16", "`int` >= 32"),
        ("seed = -1", "`int` >= 0"),
        ("seed = 1.5", "Expected `int`, got `float`"),
        ("[head]\ndropout = 0.99", "<= 0.95"),
        ("[fine_tune_stage]\nlearning_rate = 0.0", "> 0.0"),
        ('stages = ["fine-tune", "head"]', "`stages` must be"),
        ('stages = ["head", "head"]', "`stages` must be"),
        ("stages = []", "`stages` must be"),
        ('[early_stopping]\nmetric = "f1"', "unknown metric 'f1'; choose macro_recall, accuracy, loss"),
        ("version = 99", "was written by a newer SkinDesk (settings version 99); update this program."),
        ("seed = ", "is not TOML"),
        ("\xff", "is not TOML"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        config_from_toml(path)
    message = str(caught.value)
    assert said in message
    assert message.startswith(str(path))
    assert message.endswith(".")
    assert not message.endswith("..")
    assert "\n" not in message


def test_the_place_of_a_wrong_value_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[fine_tune_stage.schedule]\nwarmup = 0.9\n")
    with pytest.raises(ConfigError, match=r"fine_tune_stage\.schedule\.warmup"):
        config_from_toml(tmp_path / "c.toml")


def test_json_that_is_none_and_files_that_are_not_there_are_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^The configuration is not valid: Input data was truncated"):
        config_from_json(b"{")
    with pytest.raises(ConfigError, match=r"^The manifest is not valid: .*unknown field `x`"):
        config_from_json(b'{"x": 1}', "The manifest")
    with pytest.raises(ConfigError, match="There is no configuration file"):
        config_from_toml(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        config_from_toml(tmp_path)


def test_every_setting_says_what_it_is() -> None:
    for path, field in fields().items():
        assert field.about.title, path
        assert len(field.about.help) > 20, path
        assert field.about.help.endswith("."), path
        offered = {value for value, _words in field.about.choices}
        assert offered <= set(map(str, field.choices)), path


def test_a_setting_counts_only_with_the_choice_it_goes_with() -> None:
    fixed = RunConfig(head_stage=HeadStage(schedule=Schedule(kind="constant")))
    shares = [fields()[f"{stage}.schedule.final_share"] for stage in ("head_stage", "fine_tune_stage")]
    assert [field.has_effect(fixed) for field in shares] == [False, True]
    assert [field.stage for field in shares] == ["head", "fine-tune"]
    assert fields()["seed"].has_effect(fixed)
