"""The writer, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

from . import _native
from ._errors import WalpoolError
from ._lease import Lease
from ._reading import Reading
from ._token import Token
from ._types import Durability, Params, Result, Sql, new
from ._writing import CHUNK, Chunk, Writing, pack


class Savepoint:
    """A nested transaction: kept when its ``with`` block ends, undone by
    itself when the block raises. :meth:`walpool.Writer.savepoint` makes it."""

    __slots__ = ("_depth", "_writer")

    def __init__(self, writer: Writer) -> None:
        _native.savepoint(writer._handle)
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


class Writer(Lease, Writing):
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

    BEGIN, COMMIT, ROLLBACK and savepoints may also be written as SQL: they do
    what the methods do, for the whole transaction or by the savepoint's name.
    """

    _change = _native.run

    def __init__(self, db: Reading, kind: int, call: tuple[Any, ...]) -> None:
        super().__init__(db, kind, call)
        self._why = call[1]
        self._unfinished = 0  # the depth when it was closed

    @property
    def _depth(self) -> int:
        """0: no transaction is open, 2 and more: in savepoints."""
        return self._unfinished if self._closed else _native.lease_depth(self._handle)

    def close(self) -> None:
        """Give the writer back. Its cursors end, and what it has not committed
        is rolled back. A second time does nothing. Never blocks for long.

        :raises BusyError: another thread uses the writer.
        """
        depth = self._depth
        super().close()
        self._unfinished = depth

    def savepoint(self) -> Savepoint:
        """Open a savepoint, for a ``with`` block. They nest. Never blocks.

        :raises MisuseError: no transaction is open.
        """
        return Savepoint(self)

    def begin(
        self,
        *,
        durability: Durability | None = None,
        timeout: float | None = None,
        token: Token | None = None,
    ) -> None:
        """Begin the next transaction, after a commit or rollback by hand.

        :param durability: of this and the next commits that name none, as in
            :meth:`walpool.Database.write`. None leaves it as it is.
        :raises MisuseError: one is open.
        :raises TimeoutError: past ``timeout`` seconds.
        """
        _native.begin(self._handle, (timeout, self._why, token, durability))

    def commit(
        self,
        *,
        durability: Durability | None = None,
        timeout: float | None = None,
        token: Token | None = None,
    ) -> None:
        """Commit by hand: keep the innermost savepoint that is open, otherwise
        commit the transaction. Blocks on the disk.

        :param durability: ``"normal"`` or ``"full"``. None is that of the
            writer.
        :raises MisuseError: no transaction is open.
        :raises BusyError: a cursor of the transaction is open.
        :raises ConstraintError: a deferred foreign key fails; the transaction
            stays open.
        :raises TimeoutError: with ``outcome`` saying whether it was applied.
        """
        _native.commit(self._handle, (timeout, None, token, durability))

    def rollback(self) -> None:
        """Roll back by hand: undo the innermost savepoint that is open,
        otherwise the transaction. Its cursors end.

        :raises MisuseError: no transaction is open.
        """
        _native.rollback(self._handle)

    def _end(self, depth: int, keep: bool) -> None:
        """Commit or roll back what is open from ``depth`` on."""
        while keep and self._depth >= depth:
            self.commit()
        try:
            while self._depth >= depth:
                self.rollback()
        except WalpoolError:
            pass  # the exception of the block tells

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

    def execute(
        self,
        sql: Sql,
        params: Params = (),
        *,
        expect: int | None = None,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
        row: Callable[..., Any] | None = None,
    ) -> Result:
        """Run a statement that writes, in the writer's transaction. If it
        fails, it is undone by itself, and the transaction goes on.

        >>> with db.write() as w:
        ...     w.execute("DELETE FROM user WHERE id = ?", (1,), expect=1).changes
        1

        Parameters and errors are those of :meth:`walpool.Database.execute`.
        """
        return new(
            Result,
            _native.run(
                (self._handle, sql, params, timeout, why, token, _native.RESULT, row, self._known,
                 expect, None, None)
            ),
        )  # fmt: skip

    def script(
        self,
        sql: str,
        *,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
    ) -> None:
        """Run a text of many statements, without parameters and without rows,
        in the writer's transaction: all of it is applied, or nothing. As
        :meth:`walpool.Database.script`."""
        call = self._handle, sql, (), timeout, why, token, _native.SCRIPT, None, self._known
        _native.run((*call, None, None, None))

    def executemany(
        self,
        sql: Sql,
        rows: Iterable[Params],
        *,
        expect: int | None = None,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
    ) -> Result:
        """Run a statement once for each row of parameters: all of it is
        applied, or nothing. As :meth:`walpool.Database.executemany`."""
        source, first = pack(rows, CHUNK if expect is None else 0)
        block, count, ended = first
        if not count and expect is None:
            return self._none(timeout, why, token)
        if ended:
            return self._many(sql, block, timeout, why, token, expect)
        with self.savepoint():
            return self._stream(sql, source, first, timeout, why, token)

    def _stream(
        self,
        sql: Sql,
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
