"""Leases, and the one that is a reader on one snapshot."""

from __future__ import annotations

from types import TracebackType
from typing import Any, TypeVar
from weakref import WeakSet

from . import _native
from ._cursor import Cursor
from ._errors import WalpoolError
from ._reading import Reading
from ._token import Token

L = TypeVar("L", bound="Lease")


class Lease(Reading):
    """The right to use one connection, until ``close()``."""

    _run = _native.run
    _handle = 0

    def __init__(self, db: Reading, kind: int, call: tuple[Any, ...]) -> None:
        self._closed = False
        self._handle = _native.acquire(db._handle, kind, call)
        self._db = db  # a database stays open as long as its leases
        self._known = db._known
        self._cursors: WeakSet[Cursor[Any]] = WeakSet()

    def _keep(self, cursor: Cursor[Any]) -> Cursor[Any]:
        self._cursors.add(cursor)
        return cursor

    def _close_cursors(self) -> None:
        while self._cursors:
            self._cursors.pop().close()

    @property
    def closed(self) -> bool:
        """Whether the lease was given back."""
        return self._closed

    def close(self) -> None:
        """Give the reader back. Its cursors end. A second time does nothing.
        Never blocks for long.

        :raises BusyError: another thread uses the reader.
        """
        if not self._closed:
            _native.release(self._handle)
            self._closed = True

    def __enter__(self: L) -> L:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if self._handle and not self._closed:
            try:
                _native.release(self._handle)
            except WalpoolError:
                pass  # the database was closed, or the process forked

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<walpool.{type(self).__name__} {state}>"


class Reader(Lease):
    """A reader on one snapshot: every query sees the same state of the
    database, whatever is written meanwhile. :meth:`walpool.Database.read`
    makes it.

    >>> with db.read(why="report") as r:
    ...     users = r.query_one("SELECT count(*) FROM user")
    ...     names = r.query("SELECT name FROM user")
    >>> users[0] == len(names)
    True

    Use it in one thread at a time. A reader that is kept keeps the WAL from
    being reset: call :meth:`fresh` now and then, or close it soon.
    """

    def fresh(
        self,
        *,
        durable: bool = False,
        timeout: float | None = None,
        token: Token | None = None,
    ) -> None:
        """Go on to the newest snapshot: what was committed before the call is
        seen after it.

        >>> with db.read() as r:
        ...     was = r.query_one("SELECT max(id) FROM user")
        ...     _ = db.execute("INSERT INTO user (name) VALUES ('Alan')")
        ...     still = r.query_one("SELECT max(id) FROM user")
        ...     r.fresh()
        ...     is_now = r.query_one("SELECT max(id) FROM user")
        >>> was == still, is_now > was
        (True, True)

        :param durable: wait until all that it holds is on the disk, as
            :meth:`walpool.Database.read`.
        :raises BusyError: a cursor of the reader is open: exhaust or close it.
            It keeps its snapshot, and so does the reader.
        :raises ClosedError: the reader was closed.
        :raises TimeoutError: past ``timeout`` seconds; the reader then has no
            snapshot, until the next ``fresh()``.
        """
        _native.begin(self._handle, (timeout, None, token, None, durable))
