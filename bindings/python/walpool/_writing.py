"""What a database and a writer have in common: changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from . import _native
from ._errors import MisuseError
from ._token import Token
from ._types import Params, Result

# Bytes of parameters that executemany hands over at once.
CHUNK = 1 << 20


Chunk = tuple[object, int, bool]
"""A block of parameters, its number of rows, and whether they are the last."""


def pack(rows: Iterable[Params], limit: int = CHUNK) -> tuple[Iterator[Params], Chunk]:
    """Encode the first rows: (the rest, the first chunk)."""
    try:
        source = iter(rows)
    except TypeError:
        message = f"rows is of type {type(rows).__name__}; pass an iterable of parameters"
        raise MisuseError(message) from None
    return source, _native.pack(source, 0, limit)


class Writing:
    """Changes. Not a class to use by itself."""

    _run: ClassVar[_native.Call]
    _change: ClassVar[_native.Call]
    _handle: int
    _known: dict[str, tuple[int, tuple[str, ...]]]

    def execute(
        self,
        sql: str,
        params: Params = (),
        *,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
        row: Callable[..., Any] | None = None,
    ) -> Result:
        """Run a statement that writes.

        On a database it is one transaction, committed when the call returns;
        on a writer it is part of the writer's transaction, and undone by
        itself if it fails.

        >>> db.execute("INSERT INTO user (name) VALUES (?) RETURNING id", ("Alan",))
        Result(changes=1, last_rowid=3, rows=[(3,)], columns=('id',))

        :param sql: exactly one statement.
        :param params: by position (a sequence) or by name (a mapping).
        :param timeout: seconds that all of it may take. 0 waits for nothing,
            but runs. None waits for up to the database's ``busy_timeout``, and
            runs for as long as it takes.
        :param why: a label for health and errors; 47 bytes of it are kept.
        :param token: cancels the call from another thread.
        :param row: what to make of the rows of RETURNING, as in ``query()``.
        :raises ConstraintError: with ``sqlite_code_name`` saying which.
        :raises DeadlockError: this thread holds the writer: use that.
        :raises TimeoutError: with ``phase`` saying what took so long.
        :raises SqlError, ParamError, ReadOnlyError, CancelledError,
            ClosedError, FullError, IoError: ``outcome`` says what became of
            the write.

        Blocks up to the timeout, then on the disk for the commit; other
        threads run meanwhile.
        """
        return Result(
            *self._change(
                self._handle,
                (sql, params, timeout, why, token, _native.RESULT, row, self._known),
            )
        )

    def script(
        self,
        sql: str,
        *,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
    ) -> None:
        """Run a text of many statements, without parameters and without rows,
        such as a schema. On a database it is one transaction: all of it is
        applied, or nothing.

        Parameters and errors are those of :meth:`execute`.

        >>> db.script("CREATE TABLE a (x); CREATE TABLE b (y);")
        """
        self._change(
            self._handle,
            (sql, (), timeout, why, token, _native.SCRIPT, None, self._known),
        )

    def _none(self, timeout: float | None, why: str | None, token: Token | None) -> Result:
        """Run nothing; but what is closed or cancelled is an error all the
        same."""
        sql, rows = "SELECT 1 WHERE 0", _native.ALL
        self._run(self._handle, (sql, (), timeout, why, token, rows, None, self._known))
        return Result(0, 0, [], ())

    def _many(
        self,
        sql: str,
        block: object,
        timeout: float | None,
        why: str | None,
        token: Token | None,
    ) -> Result:
        """Run a statement for the rows of a block."""
        return Result(
            *self._change(
                self._handle,
                (sql, block, timeout, why, token, _native.RESULT, None, self._known),
            )
        )
