"""The engine as a child process: its protocol, its ends, and what comes between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

import trainer
from trainer.config import RunConfig
from trainer.devices.children import own_command, own_environment
from trainer.events import StageStarted, StepDone, Stopped, decode_event
from trainer.protocol.library import DrawDemo, ImportFolder, SplitDataset, SplitDone
from trainer.protocol.lines import (
    Answered,
    AnyJob,
    Ask,
    Beat,
    FromEngine,
    Heard,
    Ready,
    Refused,
    Stop,
    decode_reply,
    encode_line,
)
from trainer.protocol.training import TrainNetwork


class Engine:
    """A child that is spoken to by lines."""

    def __init__(self, words: list[str], folder: Path) -> None:
        self.child = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=own_environment(),
            cwd=folder,
        )

    def write(self, content: bytes) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(content)
        self.child.stdin.flush()

    def ask(self, number: int, job: AnyJob) -> None:
        self.write(encode_line(Ask(id=number, job=job)))

    def lines(self) -> Iterator[FromEngine]:
        """Yield all that is said until the child's end; every line must be one of the protocol."""
        assert self.child.stdout is not None
        for line in self.child.stdout:
            yield decode_reply(line)

    def until(self, found: Callable[[FromEngine], bool]) -> FromEngine:
        """Return the first line that is looked for."""
        for line in self.lines():
            if found(line):
                return line
        pytest.fail("the engine left without saying what was expected")

    def answer(self, number: int) -> FromEngine:
        return self.until(lambda line: isinstance(line, Answered | Refused) and line.id == number)

    def leave(self) -> str:
        """End its input, wait for its end; return what it wrote to stderr."""
        assert self.child.stdin is not None
        self.child.stdin.close()
        assert self.child.stdout is not None
        assert self.child.stderr is not None
        self.child.stdout.read()
        err = self.child.stderr.read().decode()
        assert self.child.wait(120) == 0, err
        return err


MakeEngine = Callable[..., Engine]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[MakeEngine]:
    """Starts engines, in a folder that is not the checkout; all are gone after the test."""
    engines: list[Engine] = []

    def make(script: str = "") -> Engine:
        words = [sys.executable, "-c", script] if script else own_command("engine")
        engines.append(Engine(words, tmp_path))
        return engines[-1]

    yield make
    for engine in engines:
        engine.child.kill()
        engine.child.wait()
        for stream in (engine.child.stdin, engine.child.stdout, engine.child.stderr):
            assert stream is not None
            stream.close()


def split_of(dataset: Path) -> SplitDataset:
    return SplitDataset(dataset=str(dataset), seed=1, fractions=(0.6, 0.2, 0.2))


def test_it_says_that_it_is_ready_and_that_it_lives(start: MakeEngine) -> None:
    engine = start()
    lines = engine.lines()
    ready = next(lines)
    assert isinstance(ready, Ready)
    assert ready.pid == engine.child.pid
    beat = next(lines)
    assert isinstance(beat, Beat)
    assert beat.memory_bytes > 10 << 20
    assert (beat.gpu_percent, beat.loading) == (None, False)
    assert engine.leave() == ""


def test_lines_that_are_no_requests_are_reported_and_passed_over(
    start: MakeEngine, dataset_file: Path
) -> None:
    engine = start()
    engine.write(b"not json\n{}\n" + b'{"say": "Ask", "id": 1, "job": {"job": "Conquer"}}\n\xff\xfe\n\n')
    engine.write(encode_line(Ask(id=2, job=split_of(dataset_file)))[:40])
    engine.write(encode_line(Ask(id=2, job=split_of(dataset_file)))[40:])
    answer = engine.answer(2)
    assert isinstance(answer, Answered)
    assert isinstance(answer.result, SplitDone)
    assert engine.leave().count("Not a request") == 5


PRINTING = """
import os
from trainer.engine.handling import HANDLERS
from trainer.engine.serving import run_engine
from trainer.protocol.library import SplitDataset
split = HANDLERS[SplitDataset]
def loud(job, context):
    print("a library prints")
    os.write(1, b"and writes to descriptor 1\\n")
    os.system("echo a program does, too")
    assert input.__name__ and not os.read(0, 1)  # stdin is empty: requests are not a job's to read
    return split(job, context)
HANDLERS[SplitDataset] = loud
run_engine()
"""


def test_what_a_job_prints_does_not_reach_the_protocol(start: MakeEngine, dataset_file: Path) -> None:
    engine = start(PRINTING)
    engine.ask(1, split_of(dataset_file))
    assert isinstance(engine.answer(1), Answered)
    err = engine.leave()
    for words in ("a library prints", "and writes to descriptor 1", "a program does, too"):
        assert words in err


FAILING = """
from trainer.engine.handling import HANDLERS
from trainer.engine.serving import run_engine
from trainer.protocol.library import SplitDataset
def fail(job, context):
    raise {error}
HANDLERS[SplitDataset] = fail
run_engine()
"""


def test_errors_come_as_sentences(start: MakeEngine, dataset_file: Path) -> None:
    engine = start()
    engine.ask(1, split_of(dataset_file.with_name("nothing.db")))
    refused = engine.answer(1)
    assert isinstance(refused, Refused)
    assert refused.kind == "failed"
    assert "nothing.db" in refused.message
    assert engine.leave() == ""
    engine = start(FAILING.format(error="KeyError('x')"))
    engine.ask(1, split_of(dataset_file))
    refused = engine.answer(1)
    assert isinstance(refused, Refused)
    assert refused.kind == "defect"
    assert "KeyError" in refused.message
    assert "Traceback" not in refused.message
    assert "KeyError: 'x'" in engine.leave()
    engine = start(FAILING.format(error="MemoryError"))
    engine.ask(1, split_of(dataset_file))
    refused = engine.answer(1)
    assert isinstance(refused, Refused)
    assert refused.kind == "failed"
    assert "memory" in refused.message


def test_a_job_that_waits_can_be_stopped(start: MakeEngine, dataset_file: Path, tmp_path: Path) -> None:
    engine = start()
    engine.ask(1, DrawDemo(folder=str(tmp_path / "demo")))
    engine.ask(2, split_of(dataset_file))
    engine.ask(3, split_of(dataset_file))
    engine.write(encode_line(Stop(id=2)))
    engine.until(lambda line: isinstance(line, Heard))
    engine.write(encode_line(Stop(id=1)))
    ends = [engine.until(lambda line: isinstance(line, Answered | Refused)) for _ in range(3)]
    assert [(end.id, type(end)) for end in ends if isinstance(end, Answered | Refused)] == [
        (1, Refused),
        (2, Refused),
        (3, Answered),
    ]
    assert {end.kind for end in ends if isinstance(end, Refused)} == {"stopped"}


@pytest.mark.parametrize("way", ["end of stdin", "SIGTERM"])
def test_told_to_leave_it_stops_its_job_and_drops_the_others(
    start: MakeEngine, dataset_file: Path, tmp_path: Path, way: str
) -> None:
    engine = start()
    engine.ask(1, DrawDemo(folder=str(tmp_path / "demo")))
    engine.ask(2, split_of(dataset_file))
    engine.until(lambda line: isinstance(line, Heard))
    if way == "SIGTERM":
        engine.child.send_signal(signal.SIGTERM)
    else:
        assert engine.child.stdin is not None
        engine.child.stdin.close()
    ends = [line for line in engine.lines() if isinstance(line, Answered | Refused)]
    assert [(end.id, isinstance(end, Refused) and end.kind) for end in ends] == [(1, "stopped")]
    assert engine.child.wait(60) == 0


DEAF = """
import time
from trainer.engine.handling import HANDLERS
from trainer.engine.serving import run_engine
from trainer.events import Said
from trainer.protocol.library import SplitDataset
def deaf(job, context):
    try:
        context.listener(Said(message="I do not listen"))
        while True:
            time.sleep(0.1)
    finally:
        print("tidied up", flush=True)
HANDLERS[SplitDataset] = deaf
run_engine()
"""


def test_a_second_sigterm_interrupts_a_job_that_does_not_stop(start: MakeEngine, dataset_file: Path) -> None:
    engine = start(DEAF)
    engine.ask(1, split_of(dataset_file))
    engine.until(lambda line: isinstance(line, Heard))
    engine.child.send_signal(signal.SIGTERM)
    engine.until(lambda line: isinstance(line, Beat))
    engine.until(lambda line: isinstance(line, Beat))
    assert engine.child.poll() is None
    engine.child.send_signal(signal.SIGTERM)
    assert engine.child.wait(60) == 3
    assert engine.child.stderr is not None
    assert b"tidied up" in engine.child.stderr.read()


def test_a_reader_that_has_gone_is_no_error(start: MakeEngine, image_folder: Path, tmp_path: Path) -> None:
    engine = start()
    assert engine.child.stdout is not None
    engine.until(lambda line: isinstance(line, Ready))
    engine.child.stdout.close()
    engine.ask(1, ImportFolder(source=str(image_folder), dataset=str(tmp_path / "new.db")))
    assert engine.child.stdin is not None
    engine.child.stdin.close()
    assert engine.child.wait(60) == 0
    assert engine.child.stderr is not None
    assert engine.child.stderr.read() == b""


def test_the_end_of_stdin_saves_a_run_that_can_be_resumed(
    start: MakeEngine, dataset_file: Path, tiny_config: RunConfig, tmp_path: Path
) -> None:
    config = msgspec.structs.replace(
        tiny_config, head_stage=msgspec.structs.replace(tiny_config.head_stage, epochs=200)
    )
    job = TrainNetwork(
        dataset=str(dataset_file),
        folder=str(tmp_path / "run"),
        config=config,
        cache_folder=str(tmp_path / "cache"),
    )
    engine = start()
    engine.ask(1, job)
    loading = [engine.until(lambda line: isinstance(line, Beat) and line.loading)]
    assert loading
    engine.until(lambda line: isinstance(line, Heard) and isinstance(line.event, StepDone))
    process = psutil.Process(engine.child.pid)
    assert process.nice() == 10
    threads = [os.getpriority(os.PRIO_PROCESS, thread.id) for thread in process.threads()]
    # TensorFlow's own threads give way, too.
    assert threads.count(10) > 2
    assert engine.child.stdin is not None
    engine.child.stdin.close()
    begun = time.monotonic()
    ends = [line for line in engine.lines() if isinstance(line, Answered | Refused)]
    assert engine.child.wait(60) == 0
    assert time.monotonic() - begun < 30
    assert isinstance(ends[0], Refused)
    assert ends[0].kind == "stopped"
    kept = (tmp_path / "run" / "events.jsonl").read_text().splitlines()
    assert isinstance(decode_event(kept[-1]), Stopped)
    # Resumed, the settings in the run's folder count, whatever is asked for now.
    engine = start()
    engine.ask(1, msgspec.structs.replace(job, resume=True, config=tiny_config))
    started = engine.until(lambda line: isinstance(line, Heard) and isinstance(line.event, StageStarted))
    assert isinstance(started, Heard)
    assert isinstance(started.event, StageStarted)
    assert started.event.epochs == 200
    engine.write(encode_line(Stop(id=1)))
    refused = engine.answer(1)
    assert isinstance(refused, Refused)
    assert refused.kind == "stopped"
    assert "it can be resumed" in refused.message
    engine.leave()


def test_the_frozen_program_starts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_command("engine") == [sys.executable, "-m", "trainer", "engine"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert own_command("gpu-probe") == [sys.executable, "trainer", "gpu-probe"]
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environment = own_environment(A="b")
    assert environment["A"] == "b"
    assert environment["PYTHONPATH"].split(os.pathsep) == [
        str(Path(trainer.__file__).parents[1]),
        "/elsewhere",
    ]
