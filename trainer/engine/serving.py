"""The engine: jobs in on stdin, events and answers out on stdout, JSON lines (see `trainer.protocol.lines`).

Three threads. The reader takes requests, so that a stop is noticed while a job runs. The main thread does jobs
in the order they were asked for. The third sends a sign of life every second. What anything else prints
goes to stderr: the protocol has a copy of the first stdout to itself.

The end of stdin, or SIGTERM, means: save a checkpoint and leave. A second SIGTERM, or one after a job was
already asked to stop, interrupts the job where it is; files are still whole, since all are replaced at once.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import queue
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

import psutil

import trainer
from trainer.engine.working import Worker
from trainer.errors import EXIT_STOPPED, ConfigError, StoppedError, TrainerError
from trainer.events import StopRequest
from trainer.protocol.lines import (
    BEAT_SECONDS,
    Answered,
    Ask,
    Beat,
    Heard,
    Ready,
    Refused,
    decode_request,
    encode_line,
)

if TYPE_CHECKING:
    from trainer.protocol.lines import FromEngine

_CHUNK = 1 << 16
_LEAVING_SECONDS = 300.0
"""A job that has not stopped so long after the end of stdin never will, and nobody is there to end it."""


def run_engine() -> NoReturn:
    """Serve until stdin ends, then end this process with status 0."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    faulthandler.enable()
    _Engine(requests, answers).serve()
    sys.stderr.flush()
    # All is saved by now. Python's own way out unloads TensorFlow, which takes two seconds and now and then
    # ends in a crash.
    os._exit(0)


class _Inbox:
    """Requests that wait, and who has been asked to stop. Nothing in it takes a lock: signal handlers call it."""

    def __init__(self) -> None:
        self.leaving = False
        self._asked: queue.SimpleQueue[Ask | None] = queue.SimpleQueue()
        self._stopped: set[int] = set()
        self._current: tuple[int, StopRequest] | None = None

    def put(self, ask: Ask) -> None:
        self._asked.put(ask)

    def take(self) -> Ask | None:
        """Wait for the next request; `None` when it is time to leave."""
        ask = self._asked.get()
        return None if self.leaving else ask

    def begin(self, number: int) -> StopRequest:
        """Return what stops the job that begins now."""
        stop = StopRequest()
        self._current = (number, stop)
        if number in self._stopped or self.leaving:
            stop.ask()
        return stop

    def end(self) -> None:
        """Note that the running job has ended."""
        self._current = None

    def stop(self, number: int) -> None:
        self._stopped.add(number)
        current = self._current
        if current is not None and current[0] == number:
            current[1].ask()

    def leave(self) -> None:
        self.leaving = True
        current = self._current
        if current is not None:
            current[1].ask()
        self._asked.put(None)

    @property
    def asked_before(self) -> bool:
        """Whether the present job has been asked to stop."""
        current = self._current
        return self.leaving or (current is not None and current[1].asked)


class _Engine:
    def __init__(self, requests: int, answers: int) -> None:
        self._requests, self._answers = requests, answers
        self._speaking = threading.Lock()
        self._inbox = _Inbox()
        self._worker = Worker(self._loading_changed)
        self._gpu = _GpuMeter()
        self._loading = False
        self._ended = threading.Event()

    def serve(self) -> None:
        self._say(Ready(version=trainer.__version__, pid=os.getpid()))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        for target in (self._read, self._beat):
            threading.Thread(target=target, daemon=True).start()
        while (ask := self._inbox.take()) is not None:
            self._do(ask)
            self._inbox.end()
        self._ended.set()

    def _do(self, ask: Ask) -> None:
        stop = self._inbox.begin(ask.id)
        try:
            stop.raise_if_asked()
            result = self._worker.do(ask.job, lambda event: self._say(Heard(id=ask.id, event=event)), stop)
            self._say(Answered(id=ask.id, result=result))
        except StoppedError as error:
            self._say(Refused(id=ask.id, kind="stopped", message=str(error)))
        except TrainerError as error:
            self._say(Refused(id=ask.id, kind="failed", message=str(error)))
        except Exception as error:  # noqa: BLE001 - the last line of defence says whose fault it is
            with contextlib.suppress(OSError):  # a log on a full disk
                traceback.print_exc()
            self._say(_refusal(ask.id, error))

    def _on_signal(self, _number: int, _frame: Any) -> None:  # noqa: ANN401 - a frame or nothing
        if self._inbox.asked_before:
            raise SystemExit(EXIT_STOPPED)
        self._inbox.leave()

    def _say(self, line: FromEngine) -> None:
        rest = memoryview(encode_line(line))
        with self._speaking:
            try:
                while rest:
                    rest = rest[os.write(self._answers, rest) :]
            except OSError:
                # Nobody listens any more; the end of stdin says so, too.
                return

    # --- the reader -----------------------------------------------------------------------------------------

    def _read(self) -> None:
        pending = bytearray()
        while True:
            try:
                chunk = os.read(self._requests, _CHUNK)
            except OSError:
                break
            if not chunk:
                break
            pending += chunk
            if b"\n" in chunk:
                whole, _, rest = pending.rpartition(b"\n")
                pending = bytearray(rest)
                for line in whole.split(b"\n"):
                    self._hear(bytes(line))
        self._inbox.leave()
        if not self._ended.wait(_LEAVING_SECONDS):
            os._exit(EXIT_STOPPED)

    def _hear(self, line: bytes) -> None:
        try:
            request = decode_request(line)
        except ConfigError as error:
            with contextlib.suppress(OSError):  # a log on a full disk
                sys.stderr.write(f"{error}\n")
            return
        if isinstance(request, Ask):
            self._inbox.put(request)
        else:
            self._inbox.stop(request.id)

    # --- the heartbeat --------------------------------------------------------------------------------------

    def _beat(self) -> None:
        process = psutil.Process()
        while not self._ended.wait(BEAT_SECONDS):
            percent, memory = self._gpu.use() if self._worker.uses_gpu else (None, None)
            beat = Beat(
                memory_bytes=process.memory_info().rss,
                gpu_percent=percent,
                gpu_memory_bytes=memory,
                loading=self._loading,
            )
            self._say(beat)

    def _loading_changed(self, loading: bool) -> None:
        self._loading = loading
        self._say(Beat(memory_bytes=psutil.Process().memory_info().rss, loading=loading))


class _GpuMeter:
    """Use of the first GPU by NVIDIA's management library, where it is there and works."""

    def __init__(self) -> None:
        self._library: Any = None
        self._broken = False

    def use(self) -> tuple[float | None, int | None]:
        """Return CPU use in percent and memory in use in bytes; `None` where they cannot be measured."""
        if self._broken:
            return None, None
        try:
            if self._library is None:
                import pynvml  # it comes with the extra `gpu`

                pynvml.nvmlInit()
                self._library = pynvml
            gpu = self._library.nvmlDeviceGetHandleByIndex(0)
            percent = float(self._library.nvmlDeviceGetUtilizationRates(gpu).gpu)
            return percent, int(self._library.nvmlDeviceGetMemoryInfo(gpu).used)
        except Exception:  # noqa: BLE001 - a figure beside the training, never worth the training
            self._broken = True
            return None, None


def _refusal(number: int, error: Exception) -> Refused:
    """Return what a user is told of an error that none of our own sentences explains."""
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        message = "Not enough memory; choose smaller batches or images, or close other programs."
        return Refused(id=number, kind="failed", message=message)
    message = (
        f"Something went wrong in SkinDesk ({type(error).__name__}). This is a bug, not "
        "a problem with your data; the log has the details."
    )
    return Refused(id=number, kind="defect", message=message)
