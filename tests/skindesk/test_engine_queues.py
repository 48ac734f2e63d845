"""Queues and their children, with jobs that need no TensorFlow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from skindesk.engine import Engines, JobHandle, JobQueue, JobState, Outcome, Patience
from skindesk.engine.client import ChildCommand
from skindesk.paths import Paths
from skindesk.settings import Settings
from trainer.devices.children import own_command, own_environment
from trainer.events import Progress
from trainer.protocol.library import DrawDemo, ImportDone, ImportFolder, SplitDataset, SplitDone

MS = 120_000


class Ended:
    """Collects the outcomes of jobs in the order they come."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[str, Outcome]] = []

    def watch(self, handle: JobHandle) -> JobHandle:
        handle.ended.connect(lambda outcome: self.outcomes.append((handle.title, outcome)))
        return handle

    def titles(self) -> list[str]:
        return [title for title, _ in self.outcomes]


@pytest.fixture
def ended() -> Ended:
    return Ended()


MakeQueue = Callable[..., JobQueue]


@pytest.fixture
def make_queue(paths: Paths, settings: Settings) -> Iterator[MakeQueue]:
    """Makes queues with a patience of their own, whose children are gone after the test."""
    queues: list[JobQueue] = []

    def make(
        words: list[str] | None = None,
        *,
        grace: float = 20.0,
        idle_seconds: float | None = None,
        patience: Patience | None = None,
    ) -> JobQueue:
        command = ChildCommand(
            words or own_command("engine"), own_environment(), paths.log_file("engine-test.log")
        )
        queue = JobQueue(
            "test",
            lambda: command,
            grace=lambda: grace,
            idle_seconds=idle_seconds,
            patience=patience,
            parent=settings,
        )
        queues.append(queue)
        return queue

    yield make
    for queue in queues:
        queue.begin_close()
        if not queue.wait_closed(time.monotonic() + 5):
            queue.kill()
            assert queue.wait_closed(time.monotonic() + 5)
        queue.end_close()


def pid_of(queue: JobQueue, qtbot: QtBot) -> int:
    """Return the process id of a queue's child, as soon as it has been started."""
    qtbot.waitUntil(lambda: queue.child_pid is not None, timeout=MS)
    assert queue.child_pid is not None
    return queue.child_pid


def wait_ended(qtbot: QtBot, handle: JobHandle) -> Outcome:
    qtbot.waitUntil(lambda: handle.outcome is not None, timeout=MS)
    assert handle.outcome is not None
    return handle.outcome


def wait_progress(qtbot: QtBot, handle: JobHandle) -> None:
    qtbot.waitUntil(lambda: handle.last_progress is not None, timeout=MS)


def slow_job(folder: Path) -> DrawDemo:
    """A job of some seconds that tells its progress and can be stopped."""
    return DrawDemo(folder=str(folder))


# --- what jobs do -----------------------------------------------------------------------------------------


def test_a_folder_is_imported_and_split(
    engines: Engines, small_folder: Path, paths: Paths, qtbot: QtBot
) -> None:
    dataset = str(paths.datasets / "new.db")
    seen: list[JobHandle] = []
    engines.job_added.connect(seen.append)
    handle = engines.library.submit(ImportFolder(source=str(small_folder), dataset=dataset), "Import")
    events: list[object] = []
    states: list[JobState] = []
    handle.heard.connect(events.append)
    handle.changed.connect(lambda: states.append(handle.state))
    outcome = wait_ended(qtbot, handle)
    assert seen == [handle]
    assert outcome.state is JobState.DONE
    assert isinstance(outcome.result, ImportDone)
    assert outcome.result.report.total == 84
    assert handle.started_at is not None
    assert states == [JobState.DONE]
    progress = [event for event in events if isinstance(event, Progress)]
    assert progress
    assert handle.last_progress == progress[-1]
    child = engines.library.child_pid
    split = engines.library.submit(SplitDataset(dataset=dataset), "Split")
    outcome = wait_ended(qtbot, split)
    assert isinstance(outcome.result, SplitDone)
    assert engines.library.child_pid == child
    maps = Path(f"/proc/{child}/maps").read_text(encoding="utf-8")
    assert "libpython" in maps or "numpy" in maps
    assert "tensorflow" not in maps
    assert engines.library.jobs == ()


def test_bad_input_is_a_sentence(engines: Engines, paths: Paths, tmp_path: Path, qtbot: QtBot) -> None:
    job = ImportFolder(source=str(tmp_path / "nowhere"), dataset=str(paths.datasets / "new.db"))
    outcome = wait_ended(qtbot, engines.library.submit(job, "Import"))
    assert outcome.state is JobState.FAILED
    assert "nowhere" in outcome.message
    assert outcome.message.endswith(".")
    assert outcome.result is None


def test_a_name_that_is_no_text_is_refused_in_words(engines: Engines, ended: Ended, qtbot: QtBot) -> None:
    handle = ended.watch(engines.library.submit(SplitDataset(dataset="/a/\udcff.db"), "Split"))
    outcome = wait_ended(qtbot, handle)
    assert outcome.state is JobState.FAILED
    assert "rename it" in outcome.message
    assert ended.titles() == ["Split"]


# --- the queue --------------------------------------------------------------------------------------------


def test_jobs_are_done_in_order_and_can_be_moved_and_removed(
    engines: Engines, ended: Ended, small_dataset: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    library = engines.library
    first = ended.watch(library.submit(slow_job(tmp_path / "demo"), "first"))
    split = SplitDataset(dataset=str(small_dataset), fractions=(0.6, 0.2, 0.2))
    a, b, c = (ended.watch(library.submit(split, title)) for title in "abc")
    assert library.current is first
    assert [handle.title for handle in library.jobs] == ["first", "a", "b", "c"]
    library.move(c, 0)
    library.move(first, 2)  # it runs: nothing moves
    assert [handle.title for handle in library.jobs] == ["first", "c", "a", "b"]
    library.remove(a)
    assert a.state is JobState.CANCELLED
    assert ended.titles() == ["a"]
    library.remove(first)
    assert first.state is JobState.RUNNING
    wait_progress(qtbot, first)
    first.stop()
    assert first.state is JobState.STOPPING
    wait_ended(qtbot, b)
    assert ended.titles() == ["a", "first", "c", "b"]
    assert [outcome.state for _, outcome in ended.outcomes] == [
        JobState.CANCELLED,
        JobState.CANCELLED,
        JobState.DONE,
        JobState.DONE,
    ]
    assert not library.jobs
    b.stop()
    assert b.state is JobState.DONE


STUBBORN = """
import sys
from trainer.protocol.diagnosis import Warm
from trainer.protocol.lines import Answered, decode_request, encode_line, Ready
sys.stdout.buffer.write(encode_line(Ready(version="", pid=0)))
sys.stdout.flush()
ask = decode_request(sys.stdin.buffer.readline())
sys.stdin.buffer.readline()  # the request to stop
sys.stdout.buffer.write(encode_line(Answered(id=ask.id, result=Warm())))
sys.stdout.flush()
sys.stdin.read()
"""


def test_a_result_that_comes_after_the_stop_does_not_land(make_queue: MakeQueue, qtbot: QtBot) -> None:
    handle = make_queue([sys.executable, "-c", STUBBORN]).submit(SplitDataset(dataset="x"), "Split")
    handle.stop()
    outcome = wait_ended(qtbot, handle)
    assert outcome.state is JobState.CANCELLED
    assert outcome.result is None
    assert "Finished before it could be stopped" in outcome.message


def test_an_idle_child_leaves_and_the_next_job_gets_another(
    make_queue: MakeQueue, small_dataset: Path, qtbot: QtBot
) -> None:
    queue = make_queue(idle_seconds=0.1)
    split = SplitDataset(dataset=str(small_dataset), fractions=(0.6, 0.2, 0.2))
    handle = queue.submit(split, "Split")
    old = pid_of(queue, qtbot)
    wait_ended(qtbot, handle)
    qtbot.waitUntil(lambda: not psutil.pid_exists(old), timeout=MS)
    qtbot.waitUntil(lambda: queue.child_pid is None, timeout=MS)
    assert not queue.ready
    assert wait_ended(qtbot, queue.submit(split, "Split")).state is JobState.DONE


def test_a_queue_without_patience_for_idleness_uses_a_child_a_job(
    make_queue: MakeQueue, small_dataset: Path, qtbot: QtBot
) -> None:
    queue = make_queue(idle_seconds=0.0)
    split = SplitDataset(dataset=str(small_dataset), fractions=(0.6, 0.2, 0.2))
    handles = [queue.submit(split, str(number)) for number in range(3)]
    pids: list[int | None] = []
    for handle in handles:
        handle.changed.connect(lambda: pids.append(queue.child_pid))
        wait_ended(qtbot, handle)
    assert all(handle.state is JobState.DONE for handle in handles)
    assert len(set(pids) - {None}) == 3


# --- children that die, freeze or never were ----------------------------------------------------------------


def test_a_child_killed_while_it_works_costs_that_job_only(
    engines: Engines, ended: Ended, small_dataset: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    library = engines.library
    running = ended.watch(library.submit(slow_job(tmp_path / "demo"), "running"))
    split = SplitDataset(dataset=str(small_dataset), fractions=(0.6, 0.2, 0.2))
    queued = ended.watch(library.submit(split, "queued"))
    wait_progress(qtbot, running)
    old = pid_of(library, qtbot)
    os.kill(old, signal.SIGKILL)
    assert wait_ended(qtbot, queued).state is JobState.DONE
    assert ended.titles() == ["running", "queued"]
    outcome = running.outcome
    assert outcome is not None
    assert outcome.state is JobState.FAILED
    assert "SIGKILL" in outcome.message
    assert "memory" in outcome.message
    assert library.child_pid not in {None, old}


def test_a_child_killed_while_it_starts(make_queue: MakeQueue, ended: Ended, qtbot: QtBot) -> None:
    queue = make_queue([sys.executable, "-c", "import time; time.sleep(600)"])
    handle = ended.watch(queue.submit(SplitDataset(dataset="x"), "first"))
    queued = ended.watch(queue.submit(SplitDataset(dataset="x"), "second"))
    pid = pid_of(queue, qtbot)
    assert not queue.ready
    os.kill(pid, signal.SIGKILL)
    outcome = wait_ended(qtbot, handle)
    assert outcome.state is JobState.FAILED
    assert "SIGKILL" in outcome.message
    qtbot.waitUntil(lambda: queue.child_pid not in {None, pid}, timeout=MS)
    assert queue.current is queued
    queued.stop()
    assert queue.child_pid is not None
    os.kill(queue.child_pid, signal.SIGKILL)
    assert wait_ended(qtbot, queued).state is JobState.CANCELLED
    assert ended.titles() == ["first", "second"]


def test_a_child_killed_while_it_is_idle_is_replaced_quietly(
    engines: Engines, small_dataset: Path, qtbot: QtBot
) -> None:
    split = SplitDataset(dataset=str(small_dataset), fractions=(0.6, 0.2, 0.2))
    wait_ended(qtbot, engines.library.submit(split, "Split"))
    os.kill(pid_of(engines.library, qtbot), signal.SIGKILL)
    qtbot.waitUntil(lambda: engines.library.child_pid is None, timeout=MS)
    assert wait_ended(qtbot, engines.library.submit(split, "Split")).state is JobState.DONE


def test_a_child_killed_while_it_stops(make_queue: MakeQueue, tmp_path: Path, qtbot: QtBot) -> None:
    queue = make_queue()
    handle = queue.submit(slow_job(tmp_path / "demo"), "Demo")
    wait_progress(qtbot, handle)
    pid = pid_of(queue, qtbot)
    os.kill(pid, signal.SIGSTOP)
    handle.stop()
    os.kill(pid, signal.SIGKILL)
    outcome = wait_ended(qtbot, handle)
    assert outcome.state is JobState.CANCELLED
    assert "ended" in outcome.message


def test_a_child_told_to_leave_by_the_system_gets_no_further_job(
    make_queue: MakeQueue, small_dataset: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    queue = make_queue()
    running = queue.submit(slow_job(tmp_path / "demo"), "Demo")
    split = SplitDataset(dataset=str(small_dataset), fractions=(0.6, 0.2, 0.2))
    queued = queue.submit(split, "Split")
    wait_progress(qtbot, running)
    os.kill(pid_of(queue, qtbot), signal.SIGTERM)
    assert wait_ended(qtbot, running).state is JobState.CANCELLED
    assert wait_ended(qtbot, queued).state is JobState.DONE


def test_a_frozen_child_is_noticed_and_its_return_too(
    make_queue: MakeQueue, tmp_path: Path, qtbot: QtBot
) -> None:
    queue = make_queue(patience=Patience(silence=4.0))
    said: list[bool] = []
    queue.unresponsive.connect(said.append)
    handle = queue.submit(slow_job(tmp_path / "demo"), "Demo")
    wait_progress(qtbot, handle)
    pid = pid_of(queue, qtbot)
    os.kill(pid, signal.SIGSTOP)
    qtbot.waitUntil(lambda: said == [True], timeout=MS)
    os.kill(pid, signal.SIGCONT)
    qtbot.waitUntil(lambda: said == [True, False], timeout=MS)
    handle.stop()
    assert wait_ended(qtbot, handle).state is JobState.CANCELLED


def test_a_frozen_child_that_does_not_stop_is_killed(
    make_queue: MakeQueue, small_dataset: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    queue = make_queue(grace=0.3, patience=Patience(interrupt=0.3))
    handle = queue.submit(slow_job(tmp_path / "demo"), "Demo")
    wait_progress(qtbot, handle)
    pid = pid_of(queue, qtbot)
    os.kill(pid, signal.SIGSTOP)  # neither the request nor SIGTERM reaches it
    handle.stop()
    assert wait_ended(qtbot, handle).state is JobState.CANCELLED
    assert not psutil.pid_exists(pid)
    split = SplitDataset(dataset=str(small_dataset), fractions=(0.6, 0.2, 0.2))
    assert wait_ended(qtbot, queue.submit(split, "Split")).state is JobState.DONE


def test_a_child_that_cannot_be_started(make_queue: MakeQueue, ended: Ended, qtbot: QtBot) -> None:
    queue = make_queue(["/nowhere/python"])
    handles = [ended.watch(queue.submit(SplitDataset(dataset="x.db"), str(n))) for n in range(2)]
    outcome = wait_ended(qtbot, handles[1])
    assert ended.titles() == ["0", "1"]
    assert outcome.state is JobState.FAILED
    assert "could not be started (No such file or directory)" in outcome.message


CRASHING = "import os, sys; print('what a child says before its end'); sys.stdout.flush(); "


def test_a_child_that_crashes_leaves_its_last_words(make_queue: MakeQueue, qtbot: QtBot) -> None:
    script = CRASHING + "os.write(2, b'the reason\\n'); os.abort()"
    outcome = wait_ended(
        qtbot, make_queue([sys.executable, "-c", script]).submit(SplitDataset(dataset="x"), "X")
    )
    assert outcome.state is JobState.FAILED
    assert "SIGABRT: it crashed" in outcome.message
    assert "the reason" in outcome.log
    assert "Not understood by the window" in outcome.log
    script = CRASHING + "os.write(2, b'line\\n' * 100); sys.exit(7)"
    outcome = wait_ended(
        qtbot, make_queue([sys.executable, "-c", script]).submit(SplitDataset(dataset="x"), "X")
    )
    assert "status 7" in outcome.message
    assert outcome.log.splitlines() == ["line"] * 39 + outcome.log.splitlines()[-1:]
    assert "the reason" not in outcome.log


def test_a_log_is_put_aside_when_it_has_grown(
    make_queue: MakeQueue, small_dataset: Path, paths: Paths, qtbot: QtBot
) -> None:
    log = paths.log_file("engine-test.log")
    log.write_bytes(b"old\n" * (1 << 19))
    split = SplitDataset(dataset=str(small_dataset), fractions=(0.6, 0.2, 0.2))
    assert wait_ended(qtbot, make_queue().submit(split, "Split")).state is JobState.DONE
    assert log.stat().st_size < 10_000
    assert log.with_name("engine-test.log.1").stat().st_size == 4 << 19


def test_a_log_that_cannot_be_written_stops_no_work(
    make_queue: MakeQueue, small_dataset: Path, paths: Paths, qtbot: QtBot
) -> None:
    paths.log_file("engine-test.log").mkdir()
    split = SplitDataset(dataset=str(small_dataset), fractions=(0.6, 0.2, 0.2))
    assert wait_ended(qtbot, make_queue().submit(split, "Split")).state is JobState.DONE


# --- the end ----------------------------------------------------------------------------------------------


def test_closing_ends_jobs_children_and_threads(
    paths: Paths, settings: Settings, ended: Ended, small_dataset: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    threads = set(threading.enumerate())
    engines = Engines(paths, settings)
    split = SplitDataset(dataset=str(small_dataset), fractions=(0.6, 0.2, 0.2))
    running = ended.watch(engines.library.submit(slow_job(tmp_path / "demo"), "running"))
    queued = ended.watch(engines.library.submit(split, "queued"))
    wait_ended(qtbot, ended.watch(engines.diagnosis.submit(split, "done")))
    wait_progress(qtbot, running)
    children = psutil.Process().children()
    assert len(children) == 2
    begun = time.monotonic()
    engines.close(20.0)
    assert time.monotonic() - begun < 20.0
    assert psutil.wait_procs(children, timeout=0)[1] == []
    assert (running.state, queued.state) == (JobState.CANCELLED, JobState.CANCELLED)
    assert sorted(ended.titles()) == ["done", "queued", "running"]
    assert set(threading.enumerate()) <= threads
    late = ended.watch(engines.library.submit(split, "late"))
    assert wait_ended(qtbot, late).state is JobState.CANCELLED
    engines.close(20.0)


def test_closing_does_not_wait_for_a_frozen_child(
    paths: Paths, settings: Settings, tmp_path: Path, qtbot: QtBot
) -> None:
    engines = Engines(paths, settings)
    handle = engines.library.submit(slow_job(tmp_path / "demo"), "Demo")
    wait_progress(qtbot, handle)
    pid = pid_of(engines.library, qtbot)
    os.kill(pid, signal.SIGSTOP)
    begun = time.monotonic()
    engines.close(0.5)
    assert time.monotonic() - begun < 10.0
    assert not psutil.pid_exists(pid)
    assert handle.state is JobState.CANCELLED


LIGHT = """
import sys
from PySide6.QtCore import QCoreApplication
from skindesk.engine import Engines
from skindesk.paths import Paths
from skindesk.settings import Settings
from trainer.protocol.library import SplitDataset
application = QCoreApplication([])
paths = Paths.standard()
engines = Engines(paths, Settings(paths.settings_file))
handle = engines.library.submit(SplitDataset(dataset=sys.argv[1], fractions=(0.6, 0.2, 0.2)), "Split")
handle.ended.connect(lambda outcome: application.quit())
application.exec()
engines.close(10)
print(handle.state.name, *sorted({"tensorflow", "keras", "pandas", "sklearn", "matplotlib"} & set(sys.modules)))
"""


def test_the_window_process_loads_nothing_heavy(paths: Paths, small_dataset: Path) -> None:
    assert paths.logs.is_dir()
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, str(small_dataset)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == "DONE\n"
