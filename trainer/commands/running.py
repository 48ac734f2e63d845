"""How a command ends: its exit status, and the sentence that goes with it on stderr."""

from __future__ import annotations

import errno
import sys
import traceback
from typing import TYPE_CHECKING

import typer

from trainer.commands.terminal import leave_stdout
from trainer.errors import EXIT_BAD_INPUT, EXIT_DEFECT, EXIT_STOPPED, StoppedError, TrainerError
from trainer.files import explain
from trainer.sentences import shortened, visible

if TYPE_CHECKING:
    from collections.abc import Callable

_INTERRUPTED = 130
"""What Typer makes of Ctrl+C."""


def exit_status(command: Callable[[], int | None], *, stopped: str = "Stopped.") -> int:  # noqa: PLR0911 - one return for each status
    """Run a command.

    Args:
        command: returns an exit status, or `None` for 0.
        stopped: the sentence printed after Ctrl+C.

    Returns:
        0 done; 2 wrong arguments or bad input, with one sentence on stderr; 3 stopped on request; 1 a defect.
    """
    try:
        status = int(command() or 0)
        # Typer writes its own pages, which may still wait in the buffer.
        sys.stdout.flush()
    except StoppedError as error:
        _say(str(error))
        return EXIT_STOPPED
    except TrainerError as error:
        _say(f"Error: {error}")
        return EXIT_BAD_INPUT
    except typer.TyperException as error:
        _say(f"Error: {error.format_message()}")
        return EXIT_BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        status = _INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; there is nobody to tell.
        leave_stdout()
        return EXIT_DEFECT
    except OSError as error:
        if error.errno != errno.ENOSPC:
            return _defect()
        leave_stdout()
        _say(f"Error: {explain('the output', error)}")
        return EXIT_BAD_INPUT
    except Exception:  # noqa: BLE001 - the last line of defence says whose fault it is
        return _defect()
    if status == _INTERRUPTED:
        _say(stopped)
        return EXIT_STOPPED
    return status


def _defect() -> int:
    """Show the exception that is being handled, and say that it is ours."""
    traceback.print_exc()
    _say("This is a bug in SkinDesk, not a problem with your data; please report the lines above.")
    return EXIT_DEFECT


def _say(sentence: str) -> None:
    sys.stderr.write(f"{shortened(visible(sentence))}\n")
