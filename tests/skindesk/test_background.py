"""Work in the background: only the last question is answered, every errand is told of, nothing outlives its asker."""

from __future__ import annotations

import gc
import threading
from functools import partial

import pytest
from PySide6.QtCore import QObject, QThread
from pytestqt.qtbot import QtBot

from skindesk.background import (
    UNEXPECTED,
    Errands,
    Question,
    Urgency,
    _readers,
    all_done,
    changes_made,
    start,
)
from trainer.errors import TrainerError

MANY = 1000


def refuse() -> int:
    raise TrainerError("The disk is full.")


def test_only_the_last_of_many_questions_is_answered(qtbot: QtBot) -> None:
    """Asked fast and freed at once: an old answer must not be taken for the new one's."""
    answers: list[int] = []
    question: Question[int] = Question(answers.append, pytest.fail)
    for number in range(MANY):
        question.ask(lambda number=number: number)  # type: ignore[misc]
        if number % 100 == 0:
            gc.collect()
    assert question.busy
    qtbot.waitUntil(lambda: not question.busy, timeout=20_000)
    assert all_done(20.0)
    qtbot.wait(0)
    assert answers == [MANY - 1]


def test_an_older_answer_that_comes_late_is_dropped(qtbot: QtBot) -> None:
    answers: list[str] = []
    question: Question[str] = Question(answers.append, pytest.fail)
    hold = threading.Event()

    def slow() -> str:
        hold.wait(20)
        return "old"

    question.ask(slow)
    question.ask(lambda: "new")
    qtbot.waitUntil(lambda: answers == ["new"], timeout=20_000)
    hold.set()
    assert all_done(20.0)
    qtbot.wait(0)
    assert answers == ["new"]


def test_answers_arrive_on_the_gui_thread_and_work_does_not(qtbot: QtBot) -> None:
    threads: list[QThread] = []
    question: Question[QThread] = Question(
        lambda worker: threads.extend([worker, QThread.currentThread()]), pytest.fail
    )
    here = QThread.currentThread()
    question.ask(QThread.currentThread)
    qtbot.waitUntil(lambda: len(threads) == 2, timeout=20_000)
    assert threads[1] is here
    assert threads[0] is not here


def test_what_cannot_be_answered_is_a_sentence(qtbot: QtBot, caplog: pytest.LogCaptureFixture) -> None:
    sentences: list[str] = []
    question: Question[int] = Question(pytest.fail, sentences.append)
    question.ask(refuse)
    qtbot.waitUntil(lambda: len(sentences) == 1, timeout=20_000)
    question.ask(lambda: 1 // 0)
    qtbot.waitUntil(lambda: len(sentences) == 2, timeout=20_000)
    assert sentences == ["The disk is full.", UNEXPECTED]
    assert "ZeroDivisionError" in caplog.text


def test_a_forgotten_question_is_not_answered(qtbot: QtBot) -> None:
    question: Question[int] = Question(pytest.fail, pytest.fail)
    with qtbot.waitSignals([question.busy_changed, question.busy_changed]):
        question.ask(lambda: 1)
        question.forget()
    assert all_done(20.0)
    qtbot.wait(0)
    assert not question.busy


def test_an_answer_after_the_end_of_its_asker_harms_nobody(qtbot: QtBot) -> None:
    asker = QObject()
    question: Question[int] = Question(pytest.fail, pytest.fail, asker)
    hold = threading.Event()
    question.ask(lambda: int(hold.wait(20)))
    with qtbot.waitSignal(asker.destroyed):
        asker.deleteLater()
    del question
    hold.set()
    assert all_done(20.0)
    qtbot.wait(0)


def test_an_errand_is_done_though_its_asker_has_gone(qtbot: QtBot) -> None:
    asker = QObject()
    hold, done = threading.Event(), threading.Event()
    Errands(asker).run(lambda: hold.wait(20) and done.set(), pytest.fail, pytest.fail)
    with qtbot.waitSignal(asker.destroyed):
        asker.deleteLater()
    assert not changes_made(0.0)
    hold.set()
    assert changes_made(20.0)
    qtbot.wait(0)
    assert done.is_set()


def test_closing_does_not_wait_for_what_is_only_read(qtbot: QtBot) -> None:
    hold = threading.Event()
    question: Question[bool] = Question(lambda _answer: None, pytest.fail)
    question.ask(lambda: hold.wait(20))
    assert changes_made(0.0)
    assert not all_done(0.0)
    hold.set()
    qtbot.waitUntil(lambda: not question.busy)


def test_the_more_urgent_is_begun_first() -> None:
    hold_one, hold_others, begun = threading.Event(), threading.Event(), list[Urgency]()
    start(lambda: hold_one.wait(20), Urgency.READING)
    for _ in range(_readers().maxThreadCount() - 1):
        start(lambda: hold_others.wait(20), Urgency.READING)
    for urgency in (Urgency.THUMBNAIL, Urgency.READING, Urgency.PICTURE):
        start(partial(begun.append, urgency), urgency)
    start(hold_others.set, Urgency.THUMBNAIL)
    start(hold_one.set, Urgency.CHANGE)  # has a thread though all readers are taken
    assert all_done(20.0)
    assert begun == [Urgency.PICTURE, Urgency.READING, Urgency.THUMBNAIL]


def test_every_errand_is_told_of(qtbot: QtBot) -> None:
    done: list[int] = []
    failed: list[str] = []
    errands = Errands()
    with qtbot.waitSignal(errands.idle, timeout=20_000):
        for number in range(MANY):
            errands.run(lambda number=number: number, done.append, pytest.fail)  # type: ignore[misc]
        errands.run(refuse, pytest.fail, failed.append)
    assert sorted(done) == list(range(MANY))
    assert failed == ["The disk is full."]
    assert not errands.busy
