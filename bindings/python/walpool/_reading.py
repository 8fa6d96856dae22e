"""What a database, a reader and a writer have in common: queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NoReturn, TypeVar, overload

from . import _native
from ._cursor import Cursor
from ._errors import TooBigError
from ._token import Token
from ._types import Params, Row, Sql

T = TypeVar("T")


class Reading:
    """Queries. Not a class to use by itself."""

    _run: ClassVar[_native.Call]
    _handle: int
    _known: dict[str, tuple[int, tuple[str, ...]]]  # columns, by SQL text

    @overload
    def query(
        self,
        sql: Sql,
        params: Params = ...,
        *,
        durable: bool = ...,
        timeout: float | None = ...,
        why: str | None = ...,
        token: Token | None = ...,
        row: None = ...,
    ) -> list[Row]: ...
    @overload
    def query(
        self,
        sql: Sql,
        params: Params = ...,
        *,
        durable: bool = ...,
        timeout: float | None = ...,
        why: str | None = ...,
        token: Token | None = ...,
        row: Callable[..., T],
    ) -> list[T]: ...
    def query(
        self,
        sql: Sql,
        params: Params = (),
        *,
        durable: bool = False,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
        row: Callable[..., Any] | None = None,
    ) -> list[Any]:
        """Run a statement and return all of its rows.

        >>> db.query("SELECT id, name FROM user WHERE id < ?", (3,))
        [(1, 'Ada'), (2, 'Grace')]
        >>> db.query("SELECT id, name FROM user WHERE id = :id", {"id": 1}, row=dict)
        [{'id': 1, 'name': 'Ada'}]

        :param sql: exactly one statement.
        :param params: by position (a sequence) or by name (a mapping).
        :param durable: answer when all that was seen is on the disk, as
            :meth:`walpool.Database.read`. On a reader or writer it is a
            :exc:`MisuseError`: ask for it when you take the reader.
        :param timeout: seconds that all of it may take: waiting for a
            connection, for other processes, and running. 0 waits for nothing,
            but runs. None waits for up to the database's ``busy_timeout``, and
            runs for as long as it takes.
        :param why: a label for health and errors; 47 bytes of it are kept.
        :param token: cancels the call from another thread.
        :param row: what to make of each row. None gives tuples. Otherwise it
            is called with the columns as keyword arguments: ``dict``, a
            dataclass, a ``NamedTuple``, any function.
        :raises SqlError: the statement is malformed, a table is missing.
        :raises ParamError: a parameter is missing, surplus or of a type that
            cannot be stored.
        :raises ReadOnlyError: the statement writes.
        :raises TimeoutError: with ``phase`` saying what took so long.
        :raises CancelledError: by the token.
        :raises ClosedError: the database was closed.

        Blocks up to the timeout; other threads run meanwhile. Any thread may
        call it on a database.
        """
        return self._run(  # type: ignore[no-any-return]
            (self._handle, sql, params, timeout, why, token, _native.ALL, row, self._known, durable)
        )

    @overload
    def query_one(
        self,
        sql: Sql,
        params: Params = ...,
        *,
        durable: bool = ...,
        timeout: float | None = ...,
        why: str | None = ...,
        token: Token | None = ...,
        row: None = ...,
    ) -> Row | None: ...
    @overload
    def query_one(
        self,
        sql: Sql,
        params: Params = ...,
        *,
        durable: bool = ...,
        timeout: float | None = ...,
        why: str | None = ...,
        token: Token | None = ...,
        row: Callable[..., T],
    ) -> T | None: ...
    def query_one(
        self,
        sql: Sql,
        params: Params = (),
        *,
        durable: bool = False,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
        row: Callable[..., Any] | None = None,
    ) -> Any:
        """Run a statement and return its first row, or None if there is none.

        The statement is stopped after that row. Parameters and errors are
        those of :meth:`query`.

        >>> db.query_one("SELECT name FROM user WHERE id = ?", (2,))
        ('Grace',)
        >>> db.query_one("SELECT name FROM user WHERE id = ?", (99,)) is None
        True
        """
        return self._run(
            (self._handle, sql, params, timeout, why, token, _native.FIRST, row, self._known, durable)
        )

    @overload
    def iterate(
        self,
        sql: Sql,
        params: Params = ...,
        *,
        durable: bool = ...,
        timeout: float | None = ...,
        why: str | None = ...,
        token: Token | None = ...,
        row: None = ...,
    ) -> Cursor[Row]: ...
    @overload
    def iterate(
        self,
        sql: Sql,
        params: Params = ...,
        *,
        durable: bool = ...,
        timeout: float | None = ...,
        why: str | None = ...,
        token: Token | None = ...,
        row: Callable[..., T],
    ) -> Cursor[T]: ...
    def iterate(
        self,
        sql: Sql,
        params: Params = (),
        *,
        durable: bool = False,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
        row: Callable[..., Any] | None = None,
    ) -> Cursor[Any]:
        """Run a statement and fetch its rows as they are needed.

        For results that are large or of which only the first rows matter. The
        rows are of one snapshot. Until the cursor is exhausted or closed it
        keeps a reader, and its snapshot keeps the WAL from being reset: prefer
        a ``with`` block, and label long ones by ``why``.

        Parameters and errors are those of :meth:`query`; the timeout is one of
        each fetch.

        >>> with db.iterate("SELECT name FROM user ORDER BY id") as names:
        ...     next(names)
        ('Ada',)
        """
        call, known = (self._handle, sql, params, timeout, why, token), self._known
        try:
            first = self._run((*call, _native.SMALL_BLOCK, row, known, durable))
        except TooBigError:  # hundreds of columns
            first = self._run((*call, _native.BLOCK, row, known, durable))
        return self._keep(Cursor(self, first, (timeout, None, token), row))

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot copy or pickle a {type(self).__name__}: open it again")

    def _keep(self, cursor: Cursor[Any]) -> Cursor[Any]:
        return cursor
