"""Cursors: large results, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from . import _native
from ._errors import BusyError, ClosedError, TooBigError, WalpoolError
from ._token import Token

T = TypeVar("T")

# Bytes of the second block and of those after it: small enough for a core's
# cache, together with the rows that are made of it.
_SECOND_BLOCK = 1 << 16
_NEXT_BLOCKS = 1 << 18


class Cursor(_native.Rows[T]):
    """The rows of one statement, fetched as they are needed.

    An iterator, and a context manager. It keeps a reader, and with it the
    snapshot, until it is exhausted, closed or collected. Iterate it in one
    thread at a time.

    >>> with db.iterate("SELECT id, name FROM user ORDER BY id") as rows:
    ...     for row in rows:
    ...         print(row)
    (1, 'Ada')
    (2, 'Grace')
    """

    columns: tuple[str, ...]
    """The names of the columns."""

    _handle = 0
    _closed = False

    def __init__(
        self,
        owner: object,
        first: tuple[list[T], int, tuple[str, ...]],
        call: tuple[float | None, str | None, Token | None],
        factory: Callable[..., T] | None,
    ) -> None:
        block, self._handle, self.columns = first
        super().__init__(block)
        self._owner = owner  # keeps the database or the lease
        self._call = call
        self._factory = factory
        self._window = _SECOND_BLOCK

    def _more(self) -> list[T]:
        """The next block. The base class calls this."""
        if self._closed:
            raise ClosedError("cannot fetch rows: the cursor was closed")
        if not self._handle:
            raise StopIteration
        request = (*self._call, self._factory, self.columns, self._window)
        try:
            block, self._handle, _ = _native.cursor_next(self._handle, request)
        except TooBigError:  # thousands of columns
            if not self._window:
                raise
            self._window = 0
            return self._more()
        except BusyError:
            raise
        except BaseException:
            self._handle = 0
            raise
        self._window = min(self._window * 4, _NEXT_BLOCKS)
        return block

    def close(self) -> None:
        """Close the cursor and give its reader back. A second time does
        nothing. Never blocks.

        :raises BusyError: another thread fetches from it.
        """
        if self._handle:
            try:
                _native.cursor_close(self._handle)
            except ClosedError:
                pass  # its lease ended, and the cursor with it
        self._handle = 0
        self._closed = True
        self._drop()

    def __enter__(self) -> Cursor[T]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if self._handle:
            try:
                _native.cursor_close(self._handle)
            except WalpoolError:
                pass  # its lease ended, or the process forked

    def __repr__(self) -> str:
        return f"<walpool.Cursor {'closed' if self._closed else 'open'}>"
