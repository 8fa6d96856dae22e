"""Errors: one class for each status of the core.

Every error is a :class:`WalpoolError`. Catch that, or the class of the case
you can do something about:

>>> try:
...     db.execute("INSERT INTO user (name) VALUES (?)", ("Ada",))
... except walpool.ConstraintError as error:
...     print(error.sqlite_code_name)
SQLITE_CONSTRAINT_UNIQUE
"""

from __future__ import annotations

import builtins
from typing import Literal

Phase = Literal["none", "queue", "lock", "execute", "turn", "sync", "ceiling"]
Outcome = Literal["not_applied", "applied", "unknown"]

_PHASES: tuple[Phase, ...] = (
    "none",
    "queue",
    "lock",
    "execute",
    "turn",
    "sync",
    "ceiling",
)
_OUTCOMES: tuple[Outcome, ...] = ("not_applied", "applied", "unknown")


class WalpoolError(Exception):
    """What every error of this package is.

    ``str(error)`` says what was tried, on what, and why it failed. It never
    holds the value of a parameter.
    """

    status: str = "WALPOOL_INTERNAL"
    """The status by its C name, such as ``"WALPOOL_TIMEOUT"``."""
    sqlite_code: int = 0
    """SQLite's extended result code, such as 2067; 0 if SQLite was not
    involved."""
    sqlite_code_name: str = ""
    """The same by name, such as ``"SQLITE_CONSTRAINT_UNIQUE"``, or ``""``."""
    sql_offset: int | None = None
    """Byte in the SQL text (as UTF-8) where it failed, if that is known."""
    statement: int | None = None
    """Number of the statement in a batch that failed, counted from 0."""
    phase: Phase = "none"
    """Where a timeout or a cancel struck: waiting for a connection of this
    process (``"queue"``), for this process's turn to write (``"turn"``), for
    another process's lock (``"lock"``), running the statement
    (``"execute"``), waiting for the WAL to get below its ceiling
    (``"ceiling"``), or waiting for the disk after the commit was made
    (``"sync"``)."""
    outcome: Outcome = "not_applied"
    """What became of the write that failed. ``"unknown"``: the commit was begun,
    and the disk failed or the time was up before it was safe; with a
    ``once_key`` it can simply be made again. ``"applied"``: the answer could not
    be given, or the schema says FAIL and what came before is kept."""
    errno: int | None = None
    """``errno`` of the system call that failed, if one did."""


class MisuseError(WalpoolError, ValueError):
    """An argument is of the wrong type, out of range, or contradicts another;
    or the call makes no sense in this state."""

    status = "WALPOOL_MISUSE"


class ClosedError(WalpoolError):
    """The database, reader, writer or cursor was closed."""

    status = "WALPOOL_CLOSED"


class BusyError(WalpoolError):
    """The object is in use by another thread, or a cursor of it is open."""

    status = "WALPOOL_BUSY"


class NoMemError(WalpoolError, MemoryError):
    """Memory ran out."""

    status = "WALPOOL_NOMEM"


class TimeoutError(WalpoolError, builtins.TimeoutError):
    """The timeout passed; ``phase`` says where. Also a built-in
    :class:`TimeoutError`."""

    status = "WALPOOL_TIMEOUT"


class CancelledError(WalpoolError):
    """The call was cancelled by its :class:`walpool.Token`."""

    status = "WALPOOL_CANCELLED"


class DeadlockError(WalpoolError):
    """This thread holds the writer already and would wait for itself. Use the
    :class:`walpool.Writer` that it holds."""

    status = "WALPOOL_DEADLOCK"


class ForkedError(WalpoolError):
    """The object was opened before ``os.fork()``. Open databases in the child
    process."""

    status = "WALPOOL_FORKED"


class OptionError(WalpoolError, ValueError):
    """An option is unknown, or its value malformed or out of range."""

    status = "WALPOOL_OPTION"


class ParamError(WalpoolError, ValueError):
    """A parameter is missing, surplus, or of a type that SQLite cannot
    store."""

    status = "WALPOOL_PARAM"


class SqlError(WalpoolError):
    """SQLite refused the statement: a syntax error, an unknown table."""

    status = "WALPOOL_SQL"


class ConstraintError(WalpoolError):
    """A constraint failed; ``sqlite_code_name`` says which kind."""

    status = "WALPOOL_CONSTRAINT"


class ReadOnlyError(WalpoolError):
    """A write through a reader, or to a database that is read only."""

    status = "WALPOOL_READONLY"


class CantOpenError(WalpoolError):
    """The file cannot be opened."""

    status = "WALPOOL_CANTOPEN"


class NotADatabaseError(WalpoolError):
    """The file is no SQLite database."""

    status = "WALPOOL_NOTADB"


class CorruptError(WalpoolError):
    """The database is damaged. Writes are refused from then on, reads of what
    is whole go on."""

    status = "WALPOOL_CORRUPT"


class FullError(WalpoolError):
    """The disk is full."""

    status = "WALPOOL_FULL"


class IoError(WalpoolError):
    """The operating system failed to read or write."""

    status = "WALPOOL_IO"


class TooBigError(WalpoolError):
    """A value, text or row is larger than a limit."""

    status = "WALPOOL_TOOBIG"


class EncodingError(WalpoolError, ValueError):
    """A text is not valid UTF-8, or holds a lone surrogate."""

    status = "WALPOOL_ENCODING"


class NotWalError(WalpoolError):
    """The database cannot be switched to WAL."""

    status = "WALPOOL_NOTWAL"


class UnsupportedError(WalpoolError):
    """This SQLite or this system lacks what is needed."""

    status = "WALPOOL_UNSUPPORTED"


class RefusedError(WalpoolError):
    """walpool does not run this statement here, because it would break the
    pool: ATTACH, temporary tables, some pragmas, and BEGIN or COMMIT anywhere
    but on a :class:`walpool.Writer`."""

    status = "WALPOOL_REFUSED"


class InternalError(WalpoolError):
    """A defect in walpool. Please report it."""

    status = "WALPOOL_INTERNAL"


class PoisonedError(WalpoolError):
    """The disk or a lock failed under a write, or a page was found damaged, so
    that nothing is certain about what is in the file: writes are refused until the database is opened
    anew."""

    status = "WALPOOL_POISONED"


class MismatchError(WalpoolError):
    """A statement changed another number of rows than it was expected to.
    Nothing of its write or batch is applied; on a :class:`walpool.Writer`
    nothing of the statement."""

    status = "WALPOOL_MISMATCH"


class StaleError(WalpoolError):
    """A newer commit exists than what this transaction has read: roll back, and
    begin again. Or the snapshot was ended, because it kept the WAL above its
    ceiling and ``wal_ceiling_policy`` is ``"interrupt"``: begin again, too."""

    status = "WALPOOL_STALE"


class CeilingError(WalpoolError):
    """The WAL is above ``wal_ceiling_frames``, and ``wal_ceiling_policy`` is
    ``"fail"``. The message names who keeps it there."""

    status = "WALPOOL_CEILING"


# By the number of the status; the order is that of WALPOOL_STATUS_LIST.
_CLASSES: dict[int, type[WalpoolError]] = dict(
    enumerate(
        (
            MisuseError,
            ClosedError,
            BusyError,
            NoMemError,
            TimeoutError,
            CancelledError,
            DeadlockError,
            ForkedError,
            OptionError,
            ParamError,
            SqlError,
            ConstraintError,
            ReadOnlyError,
            CantOpenError,
            NotADatabaseError,
            CorruptError,
            FullError,
            IoError,
            TooBigError,
            EncodingError,
            NotWalError,
            UnsupportedError,
            RefusedError,
            InternalError,
            PoisonedError,
            MismatchError,
            StaleError,
            CeilingError,
        ),
        start=1,
    )
)


def make(
    status: int,
    message: str,
    sqlite_code: int,
    sqlite_code_name: str,
    sql_offset: int,
    statement: int,
    phase: int,
    outcome: int,
    system_errno: int,
) -> WalpoolError:
    """Make the exception for a ``walpool_error``. The extension calls this."""
    error = _CLASSES.get(status, InternalError)(message)
    error.sqlite_code = sqlite_code
    error.sqlite_code_name = sqlite_code_name
    error.sql_offset = sql_offset if sql_offset >= 0 else None
    error.statement = statement if statement >= 0 else None
    error.phase = _PHASES[phase]
    error.outcome = _OUTCOMES[outcome]
    error.errno = system_errno or None
    return error
