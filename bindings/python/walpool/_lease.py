"""Leases: a reader on one snapshot, the writer in one transaction."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from . import _native
from ._cursor import Cursor
from ._errors import WalpoolError
from ._reading import Reading
from ._token import Token
from ._types import Params, Result
from ._writing import CHUNK, Chunk, Writing, pack

if TYPE_CHECKING:
    from ._database import Database

L = TypeVar("L", bound="_Lease")


class _Lease(Reading):
    """The right to use one connection, until ``close()``."""

    _run = _native.run
    _handle = 0

    def __init__(self, db: Database, kind: int, call: tuple[Any, ...]) -> None:
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
        """Give the lease back. Its cursors end, and what a writer has not
        committed is rolled back. A second time does nothing. Never blocks for
        long.

        :raises BusyError: another thread uses the lease.
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


class Reader(_Lease):
    """A reader on one snapshot: every query sees the same state of the
    database, whatever is written meanwhile. :meth:`walpool.Database.read`
    makes it.

    >>> with db.read(why="report") as r:
    ...     users = r.query_one("SELECT count(*) FROM user")
    ...     names = r.query("SELECT name FROM user")
    >>> users[0] == len(names)
    True

    Use it in one thread at a time. A reader that is kept keeps the WAL from
    being reset: refresh it, or close it soon.
    """

    def refresh(self, *, timeout: float | None = None, token: Token | None = None) -> None:
        """Take the newest snapshot.

        :raises BusyError: a cursor of the reader is open.
        :raises TimeoutError: past ``timeout`` seconds.
        """
        _native.begin(self._handle, (timeout, None, token))


class Savepoint:
    """A nested transaction: kept when its ``with`` block ends, undone by
    itself when the block raises. :meth:`walpool.Writer.savepoint` makes it."""

    __slots__ = ("_depth", "_writer")

    def __init__(self, writer: Writer) -> None:
        _native.savepoint(writer._handle)
        writer._depth += 1
        self._writer = writer
        self._depth = writer._depth

    def __enter__(self) -> Writer:
        return self._writer

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer._end(self._depth, kind is None)


class Writer(_Lease, Writing):
    """The writer, in one transaction. :meth:`walpool.Database.write` makes it.

    A ``with`` block commits when it ends and rolls back when it raises:

    >>> with db.write(why="rename") as w:
    ...     changed = w.execute("UPDATE user SET name = upper(name)").changes
    ...     with w.savepoint():
    ...         fixed = w.execute("UPDATE user SET name = 'Grace' WHERE id = 2").changes
    >>> db.query("SELECT name FROM user ORDER BY id")
    [('ADA',), ('Grace',)]

    There is one writer in a process: others wait for it, in their order. Use
    it in one thread at a time, and end it soon.
    """

    _change = _native.run

    def __init__(self, db: Database, kind: int, call: tuple[Any, ...]) -> None:
        super().__init__(db, kind, call)
        self._depth = 1  # 0: no transaction, 2 and more: in savepoints

    def savepoint(self) -> Savepoint:
        """Open a savepoint, for a ``with`` block. They nest. Never blocks.

        :raises MisuseError: no transaction is open.
        """
        return Savepoint(self)

    def begin(self, *, timeout: float | None = None, token: Token | None = None) -> None:
        """Begin the next transaction, after a commit or rollback by hand.

        :raises MisuseError: one is open.
        :raises TimeoutError: past ``timeout`` seconds.
        """
        _native.begin(self._handle, (timeout, None, token))
        self._depth = 1

    def commit(self, *, timeout: float | None = None, token: Token | None = None) -> None:
        """Commit by hand: keep the innermost savepoint that is open, otherwise
        commit the transaction. Blocks on the disk.

        :raises MisuseError: no transaction is open.
        :raises BusyError: a cursor of the transaction is open.
        :raises ConstraintError: a deferred foreign key fails; the transaction
            stays open.
        :raises TimeoutError: with ``outcome`` saying whether it was applied.
        """
        try:
            _native.commit(self._handle, (timeout, None, token))
        except WalpoolError as error:
            if error.outcome != "not_applied":
                self._depth = 0
            raise
        self._depth -= 1

    def rollback(self) -> None:
        """Roll back by hand: undo the innermost savepoint that is open,
        otherwise the transaction. Its cursors end.

        :raises MisuseError: no transaction is open.
        """
        _native.rollback(self._handle)
        self._depth -= 1

    def _end(self, depth: int, keep: bool) -> None:
        """Commit or roll back what is open from ``depth`` on."""
        if keep:
            while self._depth >= depth:
                self.commit()
            return
        try:
            while self._depth >= depth:
                self.rollback()
        except WalpoolError:
            self._depth = 0  # SQLite had rolled back; the first error tells

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._close_cursors()
            self._end(1, kind is None)
        finally:
            self.close()

    def executemany(
        self,
        sql: str,
        rows: Iterable[Params],
        *,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
    ) -> Result:
        """Run a statement once for each row of parameters: all of it is
        applied, or nothing. As :meth:`walpool.Database.executemany`."""
        source, first = pack(rows)
        block, count, ended = first
        if not count:
            return self._none(timeout, why, token)
        if ended:
            return self._many(sql, block, timeout, why, token)
        with self.savepoint():
            return self._stream(sql, source, first, timeout, why, token)

    def _stream(
        self,
        sql: str,
        source: Iterator[Params],
        first: Chunk,
        timeout: float | None,
        why: str | None,
        token: Token | None,
    ) -> Result:
        started = time.monotonic()
        block, count, ended = first
        result = self._many(sql, block, timeout, why, token)
        changes, rows = result.changes, result.rows
        while not ended:
            block, more, ended = _native.pack(source, count, CHUNK)
            if more:
                left = timeout
                if left:
                    left = max(left - (time.monotonic() - started), 0.001)
                result = self._many(sql, block, left, why, token)
                changes += result.changes
                rows += result.rows
                count += more
        return result._replace(changes=changes, rows=rows)
