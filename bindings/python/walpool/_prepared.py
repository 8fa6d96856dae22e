"""Prepared statements."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from . import _native
from ._cursor import Cursor
from ._token import Token
from ._types import Durability, Params, Result, Row, new

if TYPE_CHECKING:
    from ._database import Database

T = TypeVar("T")


class Prepared(_native.Prepared):
    """A statement that is run often. :meth:`walpool.Database.prepare` makes it.

    >>> names = db.prepare("SELECT name FROM user WHERE id = ?")
    >>> names.query((1,)), names.query_one((2,))
    ([('Ada',)], ('Grace',))

    Its methods are those of the database, without the SQL. On a reader or a
    writer, and in a batch, it takes the place of the SQL:

    >>> with db.read() as r:
    ...     r.query(names, (1,))
    [('Ada',)]

    Any thread may use it, several at once. It survives changes of the schema.
    It ends with ``close()``, a ``with`` block, or when it is collected, and does
    not keep the database open.
    """

    __slots__ = ("_db", "_facts")

    _db: Database
    _facts: dict[str, Any]

    def __init__(
        self,
        db: Database,
        sql: str,
        timeout: float | None,
        why: str | None,
        token: Token | None,
    ) -> None:
        super().__init__(db._handle, sql, timeout, why, token)
        self._db = db
        self._facts = json.loads(self._about())

    @property
    def readonly(self) -> bool:
        """Whether it leaves the database as it is: then ``query()`` runs it."""
        return bool(self._facts["readonly"])

    @property
    def parameters(self) -> tuple[str | None, ...]:
        """The names of its parameters as in the text, such as ``":id"``; None
        for one without a name. As they were when it was prepared.

        >>> db.prepare("SELECT name FROM user WHERE id = :id OR id = ?").parameters
        (':id', None)
        """
        return tuple(self._facts["parameters"])

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns, as they were when it was prepared."""
        return tuple(self._facts["columns"])

    @overload
    def query(
        self,
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
        params: Params = (),
        *,
        durable: bool = False,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
        row: Callable[..., Any] | None = None,
    ) -> list[Any]:
        """Run it and return all of its rows, as :meth:`walpool.Database.query`.

        :raises ClosedError: it was closed, or the database.
        """
        db = self._db
        return _native.read(  # type: ignore[no-any-return]
            (db._handle, self, params, timeout, why, token, _native.ALL, row, db._known, durable)
        )

    @overload
    def query_one(
        self,
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
        params: Params = (),
        *,
        durable: bool = False,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
        row: Callable[..., Any] | None = None,
    ) -> Any:
        """Run it and return its first row, or None, as
        :meth:`walpool.Database.query_one`."""
        db = self._db
        return _native.read(
            (db._handle, self, params, timeout, why, token, _native.FIRST, row, db._known, durable)
        )

    @overload
    def iterate(
        self,
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
        params: Params = (),
        *,
        durable: bool = False,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
        row: Callable[..., Any] | None = None,
    ) -> Cursor[Any]:
        """Run it and fetch its rows as they are needed, as
        :meth:`walpool.Database.iterate`."""
        iterate: Callable[..., Cursor[Any]] = self._db.iterate
        return iterate(
            self, params, durable=durable, timeout=timeout, why=why, token=token, row=row
        )

    def execute(
        self,
        params: Params = (),
        *,
        expect: int | None = None,
        once_key: str | bytes | None = None,
        durability: Durability | None = None,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
        row: Callable[..., Any] | None = None,
    ) -> Result:
        """Run it in a transaction of its own, as
        :meth:`walpool.Database.execute`.

        >>> add = db.prepare("INSERT INTO user (name) VALUES (?)")
        >>> [add.execute((name,)).last_rowid for name in ("Alan", "Edsger")]
        [3, 4]
        """
        db = self._db
        return new(
            Result,
            _native.write(
                (db._handle, self, params, timeout, why, token, _native.RESULT, row, db._known,
                 expect, once_key, durability)
            ),
        )  # fmt: skip

    def executemany(
        self,
        rows: Iterable[Params],
        *,
        expect: int | None = None,
        once_key: str | bytes | None = None,
        durability: Durability | None = None,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
    ) -> Result:
        """Run it once for each row of parameters, in one transaction, as
        :meth:`walpool.Database.executemany`."""
        return self._db.executemany(
            self, rows, expect=expect, once_key=once_key, durability=durability,
            timeout=timeout, why=why, token=token,
        )  # fmt: skip

    def __enter__(self) -> Prepared:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot copy or pickle a Prepared: prepare it again")

    def __repr__(self) -> str:
        return f"<walpool.Prepared {self.sql!r}>"
