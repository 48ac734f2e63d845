"""The command line called in this process, and settings for a run of seconds."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from trainer.commands.cli import main

TINY = """
backbone = "tiny"
weights = "random"
device = "cpu"
[head]
dense = [16]
[head_stage]
epochs = 8
batch_size = 16
views = 1
learning_rate = 0.02
[fine_tune_stage]
epochs = 2
batch_size = 16
learning_rate = 0.003
"""


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


class Shell:
    """Calls the command line in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: object) -> Outcome:
        self._capsys.readouterr()
        status = main([str(word) for word in words])
        captured = self._capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    def refused(self, *words: object) -> str:
        """Return the one sentence with which bad input is refused."""
        outcome = self(*words)
        assert outcome.status == 2, outcome
        assert "Traceback" not in outcome.err
        assert outcome.out == ""
        sentences = [line for line in outcome.err.splitlines() if line.startswith("Error: ")]
        assert len(sentences) == 1, outcome.err
        assert outcome.err.rstrip().endswith(sentences[0])
        return sentences[0]
