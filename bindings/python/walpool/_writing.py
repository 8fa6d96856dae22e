"""What a database and a writer have in common: changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from . import _native
from ._errors import MisuseError
from ._reading import Reading
from ._token import Token
from ._types import Durability, Params, Result, Sql, new

# Bytes of parameters that executemany hands over at once.
CHUNK = 1 << 20


Chunk = tuple[object, int, bool]
"""A block of parameters, its number of rows, and whether they are the last."""


def pack(rows: Iterable[Params], limit: int = CHUNK) -> tuple[Iterator[Params], Chunk]:
    """Encode the first rows, or with the limit 0 all: (the rest, the chunk)."""
    try:
        source = iter(rows)
    except TypeError:
        message = f"rows is of type {type(rows).__name__}; pass an iterable of parameters"
        raise MisuseError(message) from None
    return source, _native.pack(source, 0, limit)


class Writing(Reading):
    """Changes. Not a class to use by itself."""

    _change: ClassVar[_native.Call]

    def _none(self, timeout: float | None, why: str | None, token: Token | None) -> Result:
        """Run nothing; but what is closed or cancelled is an error all the
        same."""
        self.query("SELECT 1 WHERE 0", timeout=timeout, why=why, token=token)
        return Result(0, 0, [], ())

    def _many(
        self,
        sql: Sql,
        block: object,
        timeout: float | None,
        why: str | None,
        token: Token | None,
        expect: int | None = None,
        once_key: str | bytes | None = None,
        durability: Durability | None = None,
    ) -> Result:
        """Run a statement for the rows of a block."""
        call = self._handle, sql, block, timeout, why, token, _native.RESULT, None, self._known
        return new(Result, self._change((*call, expect, once_key, durability)))
