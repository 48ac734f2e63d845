"""The jobs that the engine does: the base of all jobs and results, and their registry.

A new job is a struct derived from `Job` with its result beside it, in the module of its queue, and a handler in the
module of the same name in `trainer.engine.handlers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar, get_args

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

QueueName: TypeAlias = Literal["library", "training", "scoring", "diagnosis"]
"""The queues of a window. Each has a child process of its own, which does its jobs in order."""


class Result(msgspec.Struct, frozen=True, kw_only=True, tag_field="result", tag=True):
    """Base of all answers."""


ResultT = TypeVar("ResultT", bound=Result)


class Job(
    msgspec.Struct,
    Generic[ResultT],
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="job",
    tag=True,
):
    """Base of all jobs; its parameter is the type of their result.

    Attributes:
        queue: of a window, in which jobs of this type wait.
    """

    queue: ClassVar[QueueName]


def job_types() -> tuple[type[Job[Any]], ...]:
    """Return all types of jobs that are declared."""
    return tuple(_leaves(Job))


def result_type(job: type[Job[ResultT]]) -> type[ResultT]:
    """Return the type of the result that answers jobs of a type."""
    (base,) = job.__orig_bases__  # type: ignore[attr-defined]  # of every class with a generic base
    (result,) = get_args(base)
    found: type[ResultT] = result
    return found


def _leaves(base: type[Job[Any]]) -> Iterator[type[Job[Any]]]:
    for job in base.__subclasses__():
        if job.__subclasses__():
            yield from _leaves(job)
        else:
            yield job
