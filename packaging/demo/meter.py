"""The meter that each process carries: how long its calls to walpool took, and
how many failed because a lock was not to be had."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import walpool

SQLITE_BUSY, SQLITE_LOCKED = 5, 6


def lock_error(error: walpool.WalpoolError) -> bool:
    return isinstance(error, (walpool.TimeoutError, walpool.BusyError)) or (
        error.sqlite_code & 0xFF in (SQLITE_BUSY, SQLITE_LOCKED)
    )


def now_us() -> int:
    return time.monotonic_ns() // 1000


class Meter:
    def __init__(self) -> None:
        self.calls: list[int] = []  # microseconds, since the last report
        self.waits: list[int] = []
        self.lock_errors = 0
        self._first = self._began = self._last = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around one call, or one block of calls."""
        self._began = now_us()
        self._first = self._first or self._began
        try:
            yield
        except walpool.WalpoolError as error:
            self.lock_errors += lock_error(error)
            raise
        self._last = now_us()
        self.calls.append(self._last - self._began)

    def got_writer(self) -> None:
        """First thing in a write block: until here the call has waited."""
        self.waits.append(now_us() - self._began)

    def report(self, db: walpool.Database) -> dict[str, Any]:
        """The calls since the last report; all else is a total."""
        news = {
            "calls": self.calls,
            "waits": self.waits,
            "lock_errors": self.lock_errors,
            "active_us": self._last - self._first,
            "health": json.loads(db.health().to_json()),
        }
        self.calls, self.waits = [], []
        return news
