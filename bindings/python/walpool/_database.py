"""Databases: opening, reading, looking after."""

from __future__ import annotations

import _thread
import atexit
import os
import warnings
from types import TracebackType
from typing import TYPE_CHECKING, Literal
from weakref import WeakSet

from . import _native
from ._backup import Backups
from ._crossing import Crossing
from ._errors import MisuseError, WalpoolError
from ._lease import Reader
from ._options import Path, encode_name, encode_option
from ._prepared import Prepared
from ._token import Token
from ._types import Checkpoint, Health, LeaseInfo, Options, Probe
from ._upkeep import Upkeep

if TYPE_CHECKING:
    from typing_extensions import Unpack

_MODES = {"passive": 0, "full": 1, "restart": 2, "truncate": 3}
_OUTCOMES: tuple[Literal["complete", "partial", "not_reset", "other"], ...] = (
    "complete",
    "partial",
    "not_reset",
    "other",
)
_open: WeakSet[Database] = WeakSet()


def _close_all() -> None:
    """At the end of the process: leave no WAL behind where that is quick."""
    for db in list(_open):
        try:
            db.close(timeout=0)
        except WalpoolError:
            pass


atexit.register(_close_all)


def _close_quietly(handle: int, timeout: float | None) -> None:
    try:
        _native.close(handle, timeout)
    except WalpoolError:
        pass


class Database(Crossing, Backups, Upkeep):
    """An open database: one file, its readers and its one writer.

    :func:`walpool.open` makes it. Opening the same file again in one process
    shares it, with the options of the first opening. Any thread may use it.

    Close it with ``close()`` or a ``with`` block. One that is collected
    without is closed in the background, with a :exc:`ResourceWarning`.
    """

    _run = _native.read
    _handle = 0
    _closed = True

    def __init__(
        self,
        path: Path,
        **options: Unpack[Options],
    ) -> None:
        name = encode_name(path)
        given = {key: encode_option(key, value) for key, value in options.items()}
        self._known = {}
        self._handle = _native.open(name, given)
        self._name = os.fsdecode(name)
        self._process = os.getpid()
        self._closed = False
        _open.add(self)

    @property
    def name(self) -> str:
        """The path or DSN, as it was given to :func:`walpool.open`."""
        return self._name

    @property
    def closed(self) -> bool:
        """Whether ``close()`` has succeeded."""
        return self._closed

    # ------------------------------------------------------------- leases

    def read(
        self,
        *,
        durable: bool = False,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
    ) -> Reader:
        """Take a reader, and with it a snapshot, the newest there is.

        For several queries that must see the same state. Single queries need
        none of it: call ``db.query()``.

        >>> with db.read(why="report") as r:
        ...     r.query("SELECT name FROM user WHERE id = 1")
        [('Ada',)]

        :param durable: wait until all that the snapshot holds, by whatever
            process, is on the disk, so that no power cut can undo what was
            seen. Of no cost where a sync has covered it already.
        :param timeout: seconds to wait for a reader. 0 tries once. None is
            the database's ``busy_timeout``.
        :param why: a label for health and errors; 47 bytes of it are kept.
        :param token: cancels the wait from another thread.
        :raises TimeoutError: all readers are out.
        :raises PoisonedError: ``durable``, and a sync has failed.
        :raises CancelledError, ClosedError: as they say.
        """
        return Reader(self, _native.READ, (timeout, why, token, None, durable))

    def prepare(
        self,
        sql: str,
        *,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
    ) -> Prepared:
        """Prepare a statement that is run often: its text is not converted,
        hashed and compared each time.

        >>> by_id = db.prepare("SELECT name FROM user WHERE id = ?")
        >>> [by_id.query_one((id,)) for id in (1, 2)]
        [('Ada',), ('Grace',)]

        What is wrong with it is raised now: it is checked on a reader, by what
        is committed. BEGIN and the like, and temporary tables, have no prepared
        statements.

        :param sql: exactly one statement.
        :param timeout: seconds to wait for a reader, as in :meth:`query`.
        :param why: a label for health and errors; 47 bytes of it are kept.
        :param token: cancels the wait from another thread.
        :raises SqlError: the statement is malformed, a table is missing.
        :raises RefusedError, TimeoutError, CancelledError, ClosedError,
            EncodingError, MisuseError: as they say.
        """
        return Prepared(self, sql, timeout, why, token)

    # --------------------------------------------------------- looking after

    def checkpoint(
        self,
        mode: Literal["passive", "full", "restart", "truncate"] = "passive",
        *,
        timeout: float | None = None,
        token: Token | None = None,
    ) -> Checkpoint:
        """Checkpoint now: copy the WAL into the database file.

        There is no need to: the library does it by itself.

        >>> db.checkpoint("truncate").outcome
        'complete'

        :param mode: ``"passive"`` does what it can at once. ``"full"`` retries
            until all frames are copied, ``"restart"`` until the WAL starts
            anew, ``"truncate"`` until it is empty. None of them holds the
            write lock while it waits for readers.
        :param timeout: seconds to retry. None is the ``busy_timeout``.
        :param token: cancels the call from another thread.
        :returns: also when it is partial: see ``outcome``.
        :raises MisuseError: another mode.
        :raises DeadlockError: this thread holds the writer.
        :raises TimeoutError: the writer was not to be had.
        :raises RefusedError: ``checkpoint_owner`` is ``"external"``.
        :raises ReadOnlyError, CancelledError, ClosedError, IoError, FullError,
            CorruptError: as they say.
        """
        if not isinstance(mode, str) or mode not in _MODES:
            given = repr(mode) if isinstance(mode, str) else f"of type {type(mode).__name__}"
            raise MisuseError(f"mode is {given}; pass one of {', '.join(_MODES)}")
        outcome, busy, log, done, pid, frame, why = _native.checkpoint(
            self._handle, _MODES[mode], (timeout, None, token)
        )
        return Checkpoint(_OUTCOMES[outcome], bool(busy), log, done, pid, frame, why)

    def health(self) -> Health:
        """Take a snapshot of the database's health.

        Never blocks, takes no connection and pins nothing: call it as often as
        you like.

        >>> db.health().verdict
        'ok'

        :raises ClosedError: the database was closed.
        """
        return Health._from_json(_native.health_json(self._handle))

    def metrics(self) -> str:
        """Return the same as text for Prometheus, with histograms; the label
        ``database`` is the path. Serve it as
        ``text/plain; version=0.0.4; charset=utf-8``.

        >>> "walpool_verdict" in db.metrics()
        True

        :raises ClosedError: the database was closed.
        """
        return _native.metrics(self._handle)

    def probe(self, *, timeout: float | None = None, token: Token | None = None) -> Probe:
        """Find out whether a write gets through, now: write what is there
        already, by a commit of one page that goes the way of all others, and
        read it. Nothing of it is left behind.

        >>> db.probe(timeout=1).total_us > 0
        True

        :param timeout: seconds for all of it. None is the ``busy_timeout``.
        :param token: cancels the call from another thread.
        :returns: how long each step took. With ``mode="ro"`` only the read.
        :raises TimeoutError: naming who was waited for.
        :raises DeadlockError: this thread holds the writer.
        :raises PoisonedError, FullError, IoError, CorruptError, CancelledError,
            ClosedError: as they say.
        """
        return Probe(*_native.probe(self._handle, (timeout, None, token)))

    def leases(self) -> list[LeaseInfo]:
        """List the connections that are out: who has them, and since when.
        Readers first; a writer between two transactions has none.

        Never blocks, and takes no connection. What changes meanwhile is in the
        list or not.

        >>> with db.read(why="report"):
        ...     [(lease.kind, lease.holder, lease.why) for lease in db.leases()]
        [('read', 'lease', 'report')]

        :raises ClosedError: the database was closed.
        """
        return LeaseInfo._all_from_json(_native.leases_json(self._handle))

    def close(self, *, timeout: float | None = None) -> None:
        """Close the database. The last one on a file checkpoints it and
        removes the WAL.

        Waits for running calls, readers, writers and cursors. Past the timeout
        it raises, and the database stays open and usable. A second time does
        nothing.

        :param timeout: seconds to wait. 0 tries once. None is the database's
            ``close_timeout``.
        :raises TimeoutError: naming a lease that is still out.
        :raises ForkedError: in a child process.
        """
        if self._closed:
            return
        _native.close(self._handle, timeout)
        self._closed = True
        _open.discard(self)

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if self._closed or self._process != os.getpid():
            return
        warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
        try:  # not here: the last close works on the disk
            _thread.start_new_thread(_close_quietly, (self._handle, None))
        except RuntimeError:  # the interpreter ends
            _close_quietly(self._handle, 0)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<walpool.Database {self._name!r} {state}>" if self._handle else "<walpool.Database>"


def open(
    path: Path,
    **options: Unpack[Options],
) -> Database:
    """Open a database, or share the one that this process has open on the file.

    The file is created if it is missing and switched to WAL if need be; a
    success proves that WAL is on.

    >>> with walpool.open(path, readers=2, busy_timeout=2.5) as db:
    ...     db.query("SELECT 1 + 1")
    [(2,)]

    :param path: a path, or a DSN when it is a ``str`` that begins with
        ``file:``, such as ``"file:app.db?readers=2&busy_timeout=2500"``. In a
        DSN times are in milliseconds; what it says wins over ``options``.
    :param options: see :class:`walpool.Options`. Times are in seconds.
    :raises OptionError: an option is unknown or its value malformed.
    :raises CantOpenError: the file is missing (``mode="rw"``), a directory, a
        FIFO, in a folder that does not exist; ``errno`` may say more.
    :raises NotADatabaseError, CorruptError, NotWalError, ReadOnlyError,
        MisuseError, TimeoutError, IoError, FullError, UnsupportedError:
        as they say.

    Blocks up to ``busy_timeout`` while another process has the file locked;
    other threads run meanwhile.
    """
    return Database(path, **options)
