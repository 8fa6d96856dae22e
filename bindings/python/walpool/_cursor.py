"""Cursors: large results, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from types import TracebackType
from typing import Any, TypeVar, cast

from . import _native
from ._errors import BusyError, ClosedError, TooBigError, WalpoolError
from ._token import Token

T = TypeVar("T")

# Bytes of the second block and of those after it: small enough for a core's
# cache, together with the rows that are made of it.
_SECOND_BLOCK = 1 << 16
_NEXT_BLOCKS = 1 << 18


class _Blocks:
    """The blocks of a result, from small to large, as lists of rows."""

    __slots__ = ("block", "call", "closed", "columns", "factory", "fresh", "handle",
                 "owner", "window")

    def __init__(
        self,
        owner: object,
        first: tuple[list[Any], int, tuple[str, ...]],
        call: tuple[float | None, str | None, Token | None],
        factory: Callable[..., Any] | None,
    ) -> None:
        self.owner = owner  # keeps the database or the lease
        self.block, self.handle, self.columns = first
        self.call = call
        self.factory = factory
        self.fresh = True  # the block has not been given out yet
        self.window = _SECOND_BLOCK
        self.closed = False

    def __iter__(self) -> _Blocks:
        return self

    def __next__(self) -> list[Any]:
        if self.closed:
            raise ClosedError("cannot fetch rows: the cursor was closed")
        if not self.fresh and not self.handle:
            raise StopIteration
        if not self.fresh:
            self._fetch()
        self.fresh = False
        return self.block

    def _fetch(self) -> None:
        window, self.window = self.window, min(self.window * 4, _NEXT_BLOCKS)
        request = (*self.call, self.factory, self.columns, window)
        try:
            self.block, self.handle, _ = _native.cursor_next(self.handle, request)
        except TooBigError:  # thousands of columns
            if not window:
                raise
            self.window = 0
            self._fetch()
        except BusyError:
            raise
        except BaseException:
            self.handle = 0
            raise

    def close(self) -> None:
        if self.handle:
            try:
                _native.cursor_close(self.handle)
            except ClosedError:
                pass  # its lease ended, and the cursor with it
        self.handle = 0
        self.closed = True
        self.block.clear()


class Cursor(chain[T]):
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

    _blocks: _Blocks
    columns: tuple[str, ...]
    """The names of the columns."""

    @classmethod
    def _over(cls, blocks: _Blocks) -> Cursor[Any]:
        self = cast("Cursor[Any]", cls.from_iterable(cast("Iterator[list[Any]]", blocks)))
        self._blocks = blocks
        self.columns = blocks.columns
        return self

    def close(self) -> None:
        """Close the cursor and give its reader back. A second time does
        nothing. Never blocks.

        :raises BusyError: another thread fetches from it.
        """
        self._blocks.close()

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
        try:
            self._blocks.close()
        except (AttributeError, WalpoolError):
            pass

    def __repr__(self) -> str:
        state = "closed" if self._blocks.closed else "open"
        return f"<walpool.Cursor {state}>"
