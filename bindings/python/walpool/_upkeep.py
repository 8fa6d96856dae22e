"""Upkeep: what keeps a database's file small, fast and known to be sound."""

from __future__ import annotations

from typing import Any

from . import _native
from ._errors import MisuseError
from ._token import Token
from ._types import Maintenance, Problem

_OPTIMIZE, _VACUUM, _INCREMENTAL_VACUUM, _QUICK_CHECK, _FULL_CHECK = range(5)


class Upkeep:
    """Maintenance of a database. Not a class to use by itself."""

    _handle: int

    def _maintain(
        self, task: int, pages: int, timeout: float | None, token: Token | None
    ) -> list[tuple[Any, ...]]:
        call = (timeout, None, token, None, (), 0)
        rows: list[tuple[Any, ...]] = _native.maintain(self._handle, task, pages, call)[0]
        return rows

    def _improve(
        self, task: int, timeout: float | None, token: Token | None, pages: int = 0
    ) -> Maintenance:
        done = Maintenance(*self._maintain(task, pages, timeout, token)[0])
        return done._replace(complete=bool(done.complete))

    def optimize(self, *, timeout: float | None = None, token: Token | None = None) -> Maintenance:
        """Measure the tables that need it, by which SQLite chooses indexes.

        Each in a short write of its own, of some rows. Run it after much was
        changed, or have it done by the option ``optimize_interval``.

        >>> db.optimize().complete
        True

        :param timeout: seconds for all of it. None bounds each wait for the
            writer by the ``busy_timeout``.
        :param token: cancels the call from another thread.
        :raises DeadlockError: this thread holds the writer.
        :raises TimeoutError, CancelledError, ClosedError, ReadOnlyError,
            PoisonedError: as they say.
        """
        return self._improve(_OPTIMIZE, timeout, token)

    def vacuum(self, *, timeout: float | None = None, token: Token | None = None) -> Maintenance:
        """Build the file anew, without free pages, and empty the WAL.

        Holds the writer for as long as it takes; readers go on.

        >>> db.vacuum().free_pages
        0

        :param timeout: as for :meth:`optimize`.
        :param token: cancels the call from another thread: then nothing was
            done.
        :returns: with ``complete`` False where a reader keeps the WAL as it is.
        :raises FullError: the disk has less room than twice what the database
            holds; nothing was done.
        :raises DeadlockError, TimeoutError, CancelledError, ClosedError,
            ReadOnlyError, PoisonedError: as they say.
        """
        return self._improve(_VACUUM, timeout, token)

    def incremental_vacuum(
        self, pages: int = 0, *, timeout: float | None = None, token: Token | None = None
    ) -> Maintenance:
        """Cut free pages off the file, in short writes between those of others.

        Only where ``PRAGMA auto_vacuum`` is ``incremental``. A database gets it
        when that pragma is executed, and then ``vacuum()``.

        >>> _ = db.execute("PRAGMA auto_vacuum = incremental")
        >>> _ = db.vacuum()
        >>> db.incremental_vacuum(1000).free_pages
        0

        :param pages: as many at most; 0 for all.
        :param timeout: seconds for all of it. What was freed by then stays
            freed, with ``complete`` False.
        :param token: cancels the call from another thread.
        :raises MisuseError: auto_vacuum is none.
        :raises DeadlockError, TimeoutError, CancelledError, ClosedError,
            ReadOnlyError, PoisonedError: as they say.
        """
        if not isinstance(pages, int) or isinstance(pages, bool):
            raise MisuseError(f"pages is of type {type(pages).__name__}; pass int")
        if not 0 <= pages < 1 << 63:
            raise MisuseError("pages is negative or too large; pass 0 for all, or how many")
        return self._improve(_INCREMENTAL_VACUUM, timeout, token, pages)

    def check(
        self, full: bool = False, *, timeout: float | None = None, token: Token | None = None
    ) -> list[Problem]:
        """Look for damage, and for rows without their parent.

        On a reader, which keeps its snapshot meanwhile. At most 100 problems of
        each kind are told.

        >>> db.check(full=True)
        []

        :param full: compare indexes with their tables, too.
        :param timeout: seconds for all of it. None is no limit.
        :param token: cancels the call from another thread.
        :returns: the problems. What SQLite cannot read on from is one, too.
        :raises TimeoutError, CancelledError, ClosedError, IoError: as they say.
        """
        rows = self._maintain(_FULL_CHECK if full else _QUICK_CHECK, 0, timeout, token)
        return [Problem(*row) for row in rows]
