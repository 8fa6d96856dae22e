"""What the tests of the Python package share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import walpool

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT {} FROM n"
"""A statement that only a deadline, a cancel or a close ends."""

WAIT_SECONDS = 30


def await_that(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; fail if it never does."""
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "the condition never held"
        threading.Event().wait(0.001)


class Thread(threading.Thread):
    """A thread whose result or exception `result()` hands on."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._error: BaseException | None = None
        self._answer: object = None
        self.start()

    def run(self) -> None:
        try:
            self._answer = self._work()
        except BaseException as error:
            self._error = error

    def result(self) -> object:
        self.join(WAIT_SECONDS)
        assert not self.is_alive(), "the thread did not end"
        if self._error:
            raise self._error
        return self._answer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


@pytest.fixture
def db(path: Path) -> Iterator[walpool.Database]:
    with walpool.open(path) as db:
        yield db


@pytest.fixture
def users(db: walpool.Database) -> walpool.Database:
    db.script("CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
    db.executemany("INSERT INTO user (name) VALUES (?)", [("Ada",), ("Grace",)])
    return db
