"""The program's entry. What needs no window is sent on its way before anything of Qt is imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE = """\
usage: skindesk [--demo] [DATASET.db | FOLDER]   open the window
       skindesk --self-test                      try every part of the program and say how it went
       skindesk report BUNDLE IMAGE... --out FILE.pdf
       skindesk batch BUNDLE FOLDER --out DIR
       skindesk trainer ...                      the command line: skindesk trainer --help
       skindesk --version
"""
_EXIT_BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Returns:
        The exit status: 0 done, 2 wrong arguments, otherwise that of what was started.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    status = _without_window(words)
    if status is not None:
        return status
    names = [word for word in words if word != "--demo"]
    if len(names) > 1 or any(name.startswith("-") for name in names):
        sys.stderr.write(_USAGE)
        return _EXIT_BAD_INPUT
    from skindesk.display import missing_display

    reason = missing_display()
    if reason:
        sys.stderr.write(reason + "\n")
        return _EXIT_BAD_INPUT
    from skindesk.app import run_window  # the window's own import of Qt

    return run_window(names[0] if names else "", demo="--demo" in words)


def _without_window(words: list[str]) -> int | None:
    """Do what needs no window, or has one of its own; return its exit status, or `None` if it is nothing such."""
    status = 0
    # Each way imports what it needs and no more: a child process must not load Qt, a window not TensorFlow.
    if words[:1] == ["trainer"]:
        from trainer.commands.cli import main as run_trainer

        status = run_trainer(words[1:])
    elif words[:1] == ["report"]:
        from skindesk.reports.command import run as run_report

        status = run_report(words[1:])
    elif words[:1] == ["batch"]:
        from skindesk.reports.batch_command import run as run_batch

        status = run_batch(words[1:])
    elif words[:1] == ["write-report"]:
        from skindesk.reports.writing import serve

        status = serve(int(words[1]))
    elif words == ["--self-test"]:
        from skindesk.self_test import run_self_test

        status = run_self_test()
    elif words in (["-h"], ["--help"]):
        status = _show(_USAGE)
    elif words == ["--version"]:
        from trainer import __version__

        status = _show(f"SkinDesk {__version__}\n")
    else:
        return None
    return status


def _show(text: str) -> int:
    """Write a text to stdout; return the exit status, since that may be a file on a full disk."""
    from trainer.commands.running import exit_status
    from trainer.commands.terminal import show

    return exit_status(lambda: show(text.rstrip("\n")))


if __name__ == "__main__":
    sys.exit(main())
