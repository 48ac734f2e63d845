"""Settings as JSON and TOML, checked when they are read."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, get_args

import msgspec
import tomli_w

from trainer.config.settings import CONFIG_VERSION, RunConfig
from trainer.config.types import StageName
from trainer.errors import ConfigError
from trainer.files import read_regular
from trainer.stored import UnreadableError, decoded

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST_FILE = 1 << 20  # bytes
_DECODER = msgspec.json.Decoder(RunConfig)


def _reworded(error: Exception) -> str:
    return str(error).replace("Object", "The settings").replace("`$.", "`").rstrip(".")


def _checked(config: RunConfig, where: str) -> RunConfig:
    if config.version > CONFIG_VERSION:
        raise ConfigError(
            f"{where} was written by a newer SkinDesk (settings version {config.version}); update this program."
        )
    if not config.stages or list(config.stages) != sorted(set(config.stages), key=get_args(StageName).index):
        raise ConfigError(f'{where}: `stages` must be ["head"], ["fine-tune"] or ["head", "fine-tune"].')
    metric = config.early_stopping.metric
    if metric not in {"macro_recall", "accuracy", "loss"} and not metric.startswith("recall_"):
        raise ConfigError(
            f"{where}: unknown metric '{metric}'; choose macro_recall, accuracy, loss or recall_CLASS."
        )
    return config


def check_config(config: RunConfig, where: str = "The run's configuration") -> RunConfig:
    """Check settings that were put together in code as those from a file are.

    Raises:
        ConfigError: values out of range.
    """
    try:
        return _checked(msgspec.convert(msgspec.to_builtins(config), RunConfig), where)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where} is not valid: {_reworded(error)}.") from error


def config_from_json(content: bytes, where: str = "The configuration") -> RunConfig:
    """Read a configuration from JSON.

    Raises:
        ConfigError: not JSON, unknown names, values out of range.
    """
    try:
        return _checked(decoded(content, _DECODER.decode), where)
    except UnreadableError as error:
        raise ConfigError(f"{where} is not valid: {_reworded(error)}.") from error


def config_to_json(config: RunConfig) -> bytes:
    """Write a configuration as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(config), indent=2)


def config_from_toml(path: Path) -> RunConfig:
    """Read a configuration from a TOML file; what it leaves out keeps its default.

    Raises:
        ConfigError: no such file, not TOML, unknown names, values out of range.
    """
    try:
        table = tomllib.loads(read_regular(path, _LARGEST_FILE).decode())
    except FileNotFoundError as error:
        raise ConfigError(f"There is no configuration file {path}; check the path.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not TOML: it is not UTF-8 text.") from error
    except RecursionError as error:
        raise ConfigError(f"{path} is not TOML: it is nested too deeply.") from error
    except ValueError as error:  # of tomllib, and of numbers with thousands of digits
        raise ConfigError(f"{path} is not TOML: {error}.") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return _checked(msgspec.convert(table, RunConfig), str(path))
    except (msgspec.ValidationError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid: {_reworded(error)}.") from error


def config_to_toml(config: RunConfig) -> str:
    """Write a configuration as TOML (settings that are `None` are left out)."""
    table = msgspec.to_builtins(config)
    return tomli_w.dumps({key: value for key, value in table.items() if value is not None})
