"""Handlers, one for each type of job, and what they work with."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from trainer.compute.starting import load_tensorflow
from trainer.protocol.jobs import Job, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainer.events import Listener, StopRequest

JobT = TypeVar("JobT", bound=Job[Any])
ResultT = TypeVar("ResultT", bound=Result)
KeptT = TypeVar("KeptT")


class Kept:
    """What outlives a job so that the next one is quicker: one object of each type, made on first use."""

    def __init__(self) -> None:
        self._objects: dict[type, Any] = {}

    def one(self, sort: type[KeptT]) -> KeptT:
        """Return the object of a type."""
        if sort not in self._objects:
            self._objects[sort] = sort()
        kept: KeptT = self._objects[sort]
        return kept


class Libraries:
    """TensorFlow, loaded by the first job that needs it.

    Args:
        loading: called with true before large libraries are loaded, and with false afterwards.
    """

    def __init__(self, loading: Callable[[bool], None]) -> None:
        self._loading = loading
        self._chose_gpus = False

    @contextlib.contextmanager
    def loaded(self) -> Iterator[None]:
        """Load TensorFlow; what else is imported inside counts as loading, too."""
        self._loading(True)
        try:
            load_tensorflow()
            yield
        finally:
            self._loading(False)

    def show_proven_gpus(self) -> None:
        """Let TensorFlow see only GPUs that have been proven to work, before it computes anything."""
        if self._chose_gpus or os.environ.get("CUDA_VISIBLE_DEVICES") == "-1":
            return
        from trainer.compute.proving import prepare_device
        from trainer.devices.choosing import choose_device

        prepare_device(choose_device("auto"))
        self._chose_gpus = True


@dataclass(frozen=True)
class Context:
    """What a handler works with, besides its job.

    Attributes:
        listener: receives the job's events.
        stop: checked between the job's steps.
        libraries: loads TensorFlow.
        kept: what outlives the job.
        set_uses_gpu: told whether the job trains on a GPU; when the job ends, it does not.
    """

    listener: Listener
    stop: StopRequest
    libraries: Libraries
    kept: Kept
    set_uses_gpu: Callable[[bool], None]


Handler: TypeAlias = "Callable[[Any, Context], Result]"

HANDLERS: dict[type[Job[Any]], Handler] = {}
"""The handler of each type of job."""


def handles(
    job: type[JobT],
) -> Callable[[Callable[[JobT, Context], ResultT]], Callable[[JobT, Context], ResultT]]:
    """Register the function below as the handler of a type of job."""

    def register(handler: Callable[[JobT, Context], ResultT]) -> Callable[[JobT, Context], ResultT]:
        if job in HANDLERS:
            raise RuntimeError(f"{job.__name__} has a handler already: {HANDLERS[job].__qualname__}.")
        HANDLERS[job] = handler
        return handler

    return register
