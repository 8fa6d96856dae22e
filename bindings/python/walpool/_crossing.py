"""Writes of a database: each is one transaction, and one crossing to the core."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import _native
from ._errors import MisuseError, WalpoolError
from ._prepared import Prepared
from ._token import Token
from ._types import Durability, Many, Params, Result, Sql, Statement, new
from ._writer import Writer
from ._writing import CHUNK, Writing, pack


class Crossing(Writing):
    """Writes without a lease. Not a class to use by itself."""

    _change = _native.write

    def write(
        self,
        *,
        durability: Durability | None = None,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
    ) -> Writer:
        """Take the writer, with a transaction begun.

        The ``with`` block commits when it ends and rolls back when it raises:

        >>> with db.write(why="rename") as w:
        ...     w.execute("UPDATE user SET name = 'Lovelace' WHERE id = 1").changes
        1

        Writers of a process take turns in their order; writers of other
        processes are waited for. While it is out, everybody else's writes
        wait: do slow things before or after.

        :param durability: of its commits that name none: ``"normal"`` or
            ``"full"``, see :class:`walpool.Options`. None is that of the
            database.
        :param timeout: seconds to wait. 0 tries once. None is the database's
            ``busy_timeout``.
        :param why: a label for health and errors; 47 bytes of it are kept.
        :param token: cancels the wait from another thread.
        :raises TimeoutError: with ``phase`` and the holder's ``why``.
        :raises DeadlockError: this thread holds the writer already.
        :raises ReadOnlyError: the database was opened with ``mode="ro"``.
        :raises CancelledError, ClosedError, MisuseError, PoisonedError: as
            they say.
        """
        return Writer(self, _native.WRITE, (timeout, why, token, durability))

    def execute(
        self,
        sql: Sql,
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
        """Run a statement that writes, in a transaction of its own that is
        committed when the call returns.

        >>> db.execute("INSERT INTO user (name) VALUES (?) RETURNING id", ("Alan",))
        Result(changes=1, last_rowid=3, rows=[(3,)], columns=('id',))
        >>> db.execute("UPDATE user SET name = 'Al' WHERE id = ?", (99,), expect=1)
        Traceback (most recent call last):
        walpool._errors.MismatchError: the statement changed 0 rows, 1 was expected

        A write of which nobody knows whether it was applied, because the answer
        was lost or the process killed, is made again with the key that it had:

        >>> for attempt in range(2):
        ...     db.execute("INSERT INTO user (name) VALUES ('Kurt')", once_key="order 7").last_rowid
        4
        4

        :param sql: exactly one statement.
        :param params: by position (a sequence) or by name (a mapping).
        :param expect: the number of rows that it must change, as ``changes``
            counts them. If it is another number, nothing is applied.
        :param once_key: a name for this write that no other one gets, 1 to 255
            bytes; ``str`` counts as UTF-8. A second call with it, at any time
            and in any process, writes nothing and is answered as the first one
            was that succeeded. It must have the same SQL, parameters and
            ``expect``, otherwise it is a :exc:`MisuseError`. The key and the
            answer (RETURNING rows of at most 1 MiB) are kept in the database,
            for its ``once_keep``.
        :param durability: ``"normal"`` or ``"full"``, see
            :class:`walpool.Options`. None is that of the database.
        :param timeout: seconds that all of it may take. 0 waits for nothing,
            but runs. None waits for up to the database's ``busy_timeout``, and
            runs for as long as it takes.
        :param why: a label for health and errors; 47 bytes of it are kept.
        :param token: cancels the call from another thread.
        :param row: what to make of the rows of RETURNING, as in ``query()``.
        :raises ConstraintError: with ``sqlite_code_name`` saying which.
        :raises MismatchError: ``expect`` was another number.
        :raises DeadlockError: this thread holds the writer: use that.
        :raises TimeoutError: with ``phase`` saying what took so long.
        :raises SqlError, ParamError, MisuseError, ReadOnlyError,
            CancelledError, ClosedError, FullError, IoError, PoisonedError:
            ``outcome`` says what became of the write.

        Blocks up to the timeout, then on the disk for the commit; other
        threads run meanwhile.
        """
        return new(
            Result,
            _native.write(
                (self._handle, sql, params, timeout, why, token, _native.RESULT, row, self._known,
                 expect, once_key, durability)
            ),
        )  # fmt: skip

    def executemany(
        self,
        sql: Sql,
        rows: Iterable[Params],
        *,
        expect: int | None = None,
        once_key: str | bytes | None = None,
        durability: Durability | None = None,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
    ) -> Result:
        """Run a statement once for each row of parameters, in one transaction:
        all of it is applied, or nothing.

        >>> db.executemany("INSERT INTO user (name) VALUES (?)",
        ...                ((name,) for name in ("Alan", "Edsger"))).changes
        2

        :param rows: any iterable of sequences or mappings; generators too.
            They are drawn about 1 MiB at a time. If there are more than that,
            the writer is held while the rest is drawn; an exception of the
            generator rolls back and passes through. With ``expect`` or
            ``once_key`` all are drawn before anything runs.
        :param expect: the number of rows that all of it must change.
        :returns: ``changes`` and the ``rows`` of RETURNING of all of them.

        The other parameters and the errors are those of :meth:`execute`.
        """
        whole = expect is not None or once_key is not None
        source, first = pack(rows, 0 if whole else CHUNK)
        block, count, ended = first
        if not count and not whole and durability is None:
            return self._none(timeout, why, token)
        if ended:
            return self._many(sql, block, timeout, why, token, expect, once_key, durability)
        with self.write(durability=durability, timeout=timeout, why=why, token=token) as writer:
            return writer._stream(sql, source, first, timeout, why, token)

    def script(
        self,
        sql: str,
        *,
        once_key: str | bytes | None = None,
        durability: Durability | None = None,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
    ) -> None:
        """Run a text of many statements, without parameters and without rows,
        such as a schema, in one transaction: all of it is applied, or nothing.

        Parameters and errors are those of :meth:`execute`.

        >>> db.script("CREATE TABLE a (x); CREATE TABLE b (y);")
        """
        call = self._handle, sql, (), timeout, why, token, _native.SCRIPT, None, self._known
        _native.write((*call, None, once_key, durability))

    def batch(
        self,
        statements: Iterable[Sql | tuple[Sql, Params] | Statement | Many],
        *,
        once_key: str | bytes | None = None,
        durability: Durability | None = None,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
    ) -> list[Result]:
        """Run several statements in one transaction and one crossing: all of
        it is applied, or nothing. With a ``once_key``, it is applied once.

        >>> results = db.batch([
        ...     ("UPDATE user SET name = ? WHERE id = ?", ("Ada L.", 1)),
        ...     walpool.Statement("DELETE FROM user WHERE id = 2", expect=1),
        ...     walpool.Many("INSERT INTO user (name) VALUES (?)", [("Alan",), ("Kurt",)]),
        ... ])
        >>> [result.changes for result in results]
        [1, 1, 2]

        :param statements: SQL texts, prepared statements, pairs of either and
            parameters, :class:`walpool.Statement` or :class:`walpool.Many`.
        :returns: a :class:`walpool.Result` for each statement.
        :raises WalpoolError: with ``statement`` saying which one failed.

        The other parameters and the errors are those of :meth:`execute`.
        """
        request = (_encode(statements), timeout, why, token, once_key, durability)
        return [new(Result, result) for result in _native.batch(self._handle, request)]


def _encode_one(index: int, item: Any) -> tuple[Sql, Any, int | None]:
    if isinstance(item, (str, Prepared)):
        return item, (), None
    if isinstance(item, Many):
        return item.sql, pack(item.rows, 0)[1][0], item.expect
    if isinstance(item, Statement):
        return item
    if isinstance(item, tuple) and len(item) == 2:
        return *item, None
    raise MisuseError(
        f"statement {index} of the batch is of type {type(item).__name__}; pass str, "
        "(sql, params), walpool.Statement or walpool.Many"
    )


def _encode(items: Any) -> list[tuple[Sql, Any, int | None]]:
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        raise MisuseError(
            f"the statements are of type {type(items).__name__}; pass a list of them"
        )
    statements = []
    for index, item in enumerate(items):
        try:
            statements.append(_encode_one(index, item))
        except WalpoolError as error:
            error.statement = index
            raise
    return statements
