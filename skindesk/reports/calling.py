"""How a command of `skindesk` is called that has an engine of its own do the work."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from skindesk.engine.ask import EngineDefectError
from trainer.errors import EXIT_DEFECT, ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence


def new_app() -> typer.Typer:
    """Return an app for one command, which prints errors and help without frames."""
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def call(app: typer.Typer, name: str, arguments: Sequence[str]) -> int | None:
    """Call a command.

    Args:
        app: with that one command.
        name: as a user types it.
        arguments: what follows it.

    Returns:
        An exit status; `None` for 0.

    Raises:
        ConfigError: the arguments are wrong.
        TrainerError: any other failure that a user can cause.
    """
    try:
        status: int | None = app(args=list(arguments), prog_name=name, standalone_mode=False)
    except typer.TyperException as error:
        raise ConfigError(f"{error.format_message().rstrip('.')}; see `{name} --help`.") from error
    except EngineDefectError as error:
        say(str(error))
        return EXIT_DEFECT
    return status


def say(sentence: str) -> None:
    """Print a sentence on stderr."""
    sys.stderr.write(f"{sentence}\n")
