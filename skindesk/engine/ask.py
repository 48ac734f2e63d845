"""One job for an engine of its own, waited for: what a command does, and a window never."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, BinaryIO

from skindesk.engine.endings import Ending
from trainer.devices.children import own_command, own_environment
from trainer.errors import StoppedError, TrainerError
from trainer.events import silent
from trainer.protocol.jobs import result_type
from trainer.protocol.lines import Answered, Ask, Heard, Refused, decode_reply, encode_line

if TYPE_CHECKING:
    from trainer.events import Listener
    from trainer.protocol.jobs import Job, ResultT
    from trainer.protocol.lines import AnyJob

_LEAVING_SECONDS = 20.0
_LOG_BYTES = 4 << 10  # of the end of what the engine printed, shown with a defect
_NUMBER = 1


class EngineDefectError(Exception):
    """The engine crashed, or met a mistake of ours; the message says what it said last."""


def ask_once(job: Job[ResultT], listener: Listener = silent, *, on_gpu: bool = False) -> ResultT:
    """Start an engine, have it do one job, and end it.

    Args:
        job: what to do.
        listener: hears the job's events, in this thread.
        on_gpu: whether it may use a GPU; proving one takes longer than predicting a few images.

    Raises:
        TrainerError: the job cannot be done, in words.
        StoppedError: the engine was told to stop.
        EngineDefectError: the engine crashed or is at fault.
    """
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW
    hidden = {} if on_gpu else {"CUDA_VISIBLE_DEVICES": "-1"}
    with tempfile.TemporaryFile() as log:
        # A session of its own: Ctrl+C reaches this process alone, which then ends the engine.
        child = subprocess.Popen(  # noqa: S603 - our own command
            own_command("engine"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=own_environment(PYTHONIOENCODING="utf-8", **hidden),
            start_new_session=True,
            creationflags=flags,
        )
        try:
            answer = _asked(child, job, listener)
        finally:
            status = _ended(child)
        if isinstance(answer, Answered):
            assert isinstance(answer.result, result_type(type(job)))
            return answer.result
        if answer is None:
            raise EngineDefectError(f"{Ending(status).describe(job)}\n{_tail(log)}")
        if answer.kind == "stopped":
            raise StoppedError(answer.message)
        if answer.kind == "failed":
            raise TrainerError(answer.message)
        raise EngineDefectError(f"{answer.message}\n{_tail(log)}")


def _asked(child: subprocess.Popen[bytes], job: AnyJob, listener: Listener) -> Answered | Refused | None:
    """Ask, and listen until there is an answer; `None` if the engine goes without one."""
    assert child.stdin is not None
    assert child.stdout is not None
    with contextlib.suppress(BrokenPipeError):  # it has gone already; its end says why
        child.stdin.write(encode_line(Ask(id=_NUMBER, job=job)))
        child.stdin.flush()
    for line in child.stdout:
        reply = decode_reply(line)
        if isinstance(reply, Heard):
            listener(reply.event)
        elif isinstance(reply, Answered | Refused):
            return reply
    return None


def _ended(child: subprocess.Popen[bytes]) -> int:
    """Close the engine's input and wait until it has left; one that does not is ended."""
    assert child.stdin is not None
    assert child.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        child.stdin.close()
    try:
        child.wait(_LEAVING_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
    child.stdout.close()
    return child.wait()


def _tail(log: BinaryIO) -> str:
    log.seek(max(0, log.seek(0, 2) - _LOG_BYTES))
    return log.read().decode("utf-8", "replace")
