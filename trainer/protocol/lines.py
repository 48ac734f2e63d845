"""The lines between a window and the engine: frozen structs, one JSON line each.

A window and the engine share this module; it loads without TensorFlow. Paths travel as text.

```
to the engine     {"say": "Ask", "id": 7, "job": {"job": "PredictImages", ...}}     one job at a time, in order
                  {"say": "Stop", "id": 7}                                          stop it between two batches
from the engine   {"say": "Ready", "version": "0.1.0"}                              first line
                  {"say": "Heard", "id": 7, "event": {"event": "Progress", ...}}
                  {"say": "Answered", "id": 7, "result": {"result": "Predictions", ...}}
                  {"say": "Refused", "id": 7, "kind": "failed", "message": "..."}
                  {"say": "Beat", ...}                                              every second
```
The end of stdin means: save a checkpoint and leave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Union

import msgspec

from trainer.errors import ConfigError
from trainer.events import AnyEvent
from trainer.protocol import diagnosis, library, scoring, training  # noqa: F401 - they declare the jobs
from trainer.protocol.jobs import Job, Result, job_types, result_type
from trainer.stored import UnreadableError, decoded

BEAT_SECONDS = 1.0

if TYPE_CHECKING:
    AnyJob: TypeAlias = Job[Any]
    AnyResult: TypeAlias = Result
else:
    # Decoding takes a union of what is declared and nothing else; a type checker is content with the base.
    AnyJob = Union[job_types()]  # noqa: UP007 - of a tuple
    AnyResult = Union[tuple(result_type(job) for job in job_types())]  # noqa: UP007 - the same


class Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="say", tag=True):
    """Base of all lines."""


class Ask(Line, frozen=True, kw_only=True):
    """Do a job, after those requested before."""

    id: int
    job: AnyJob


class Stop(Line, frozen=True, kw_only=True):
    """Stop a job between two of its batches, or do not begin it."""

    id: int


class Ready(Line, frozen=True, kw_only=True):
    """The engine accepts requests."""

    version: str
    pid: int


class Heard(Line, frozen=True, kw_only=True):
    """An event of a job."""

    id: int
    event: AnyEvent


class Answered(Line, frozen=True, kw_only=True):
    """A job is done."""

    id: int
    result: AnyResult


class Refused(Line, frozen=True, kw_only=True):
    """A job ended without a result.

    Attributes:
        id: of the job.
        kind: `failed` for something the user can mend, `stopped` on request, `defect` for a mistake of ours.
        message: one or a few sentences for the user.
    """

    id: int
    kind: Literal["failed", "stopped", "defect"]
    message: str


class Beat(Line, frozen=True, kw_only=True):
    """A sign of life from the engine.

    Attributes:
        memory_bytes: main memory of the engine.
        gpu_percent, gpu_memory_bytes: use of the first GPU while a job trains on one; `None` elsewhere.
        loading: large libraries are being loaded, during which beats may be late.
    """

    memory_bytes: int
    gpu_percent: float | None = None
    gpu_memory_bytes: int | None = None
    loading: bool = False


ToEngine: TypeAlias = Ask | Stop
FromEngine: TypeAlias = Ready | Heard | Answered | Refused | Beat

_REQUEST: msgspec.json.Decoder[ToEngine] = msgspec.json.Decoder(ToEngine)
_REPLY: msgspec.json.Decoder[FromEngine] = msgspec.json.Decoder(FromEngine)


def encode_line(line: ToEngine | FromEngine) -> bytes:
    """Return a line of JSON, newline included."""
    return msgspec.json.encode(line) + b"\n"


def decode_request(line: bytes) -> ToEngine:
    """Read a request to the engine.

    Raises:
        ConfigError: the line is no request.
    """
    try:
        return decoded(line, _REQUEST.decode)
    except UnreadableError as error:
        raise ConfigError(f"Not a request: {error}.") from error


def decode_reply(line: bytes) -> FromEngine:
    """Read a reply from the engine.

    Raises:
        ConfigError: the line is no reply.
    """
    try:
        return decoded(line, _REPLY.decode)
    except UnreadableError as error:
        raise ConfigError(f"Not a reply of the engine: {error}.") from error
