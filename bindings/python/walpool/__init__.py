"""SQLite persistence for a service: readers, one fair writer, health.

A database is one file. Reads run on a pool of readers, each on a snapshot that
no writer disturbs; writes take turns, among threads and among processes, and
never fail with "database is locked".

>>> db = walpool.open(path)
>>> db.execute("CREATE TABLE job (id INTEGER PRIMARY KEY, task TEXT, done INT)").changes
0
>>> db.executemany("INSERT INTO job (task, done) VALUES (?, 0)", [("a",), ("b",)]).changes
2
>>> with db.write(why="claim") as w:
...     w.query("SELECT id, task FROM job WHERE NOT done LIMIT 1")
...     w.execute("UPDATE job SET done = 1 WHERE id = ?", (1,)).changes
[(1, 'a')]
1
>>> db.query("SELECT task FROM job WHERE done", row=dict)
[{'task': 'a'}]
>>> db.close()

Times are in seconds. Any thread may use a :class:`Database`; a
:class:`Reader`, :class:`Writer` or :class:`Cursor` belongs to one thread at a
time, and a second one gets :class:`BusyError`. Calls let other threads run as
soon as they wait or have run for about 50 microseconds.

Caveats, each with its remedy:

- Do not open the database file, its ``-wal`` or its ``-shm`` by ``open()`` in
  a process that has it open here, nor by ``sqlite3`` if that is linked with
  another copy of SQLite: closing them drops the locks of the whole process.
- After ``os.fork()`` the child gets :class:`ForkedError` from everything that
  it inherited. Open databases in the child, of files that the parent has not
  open, or use the ``spawn`` method of ``multiprocessing``.
- A reader or cursor that is kept keeps the WAL from being reset. Label long
  ones by ``why``: health names the oldest.
- Without ``timeout`` a call waits for others up to ``busy_timeout``, 5 seconds
  unless set otherwise, and then runs for as long as it takes. Ctrl-C is seen
  between blocks of rows and when the call returns: give what may run for long
  a ``timeout`` or a :class:`Token`.
- With ``durability="full"`` others may see a commit before it is on the disk,
  and before its writer has an answer. Who must not act on what a power cut may
  undo reads with ``durable=True``.
- Nobody knows whether a write was applied whose ``outcome`` is ``"unknown"``,
  or whose process was killed. Give it a ``once_key``, and make it again.
- Do not move, replace or remove the file, its ``-wal`` or its ``-shm`` while it
  is open: writes are then refused (:class:`PoisonedError`). To put another
  database in its place, call ``db.restore()``; to copy it, ``db.backup()``.
- After a failed sync, a lost lock or a damaged page writes are refused, too, until
  the database was closed and opened anew; reads go on, and the error and
  ``db.health().reasons`` say what to do first.
- The file must be on a disk of this machine: network file systems are refused,
  unless ``allow_network_fs`` takes the risk.
"""

from . import _native
from ._backup import BackupProgress
from ._cursor import Cursor
from ._database import Database, open
from ._errors import (
    BusyError,
    CancelledError,
    CantOpenError,
    CeilingError,
    ClosedError,
    ConstraintError,
    CorruptError,
    DeadlockError,
    EncodingError,
    ForkedError,
    FullError,
    InternalError,
    IoError,
    MismatchError,
    MisuseError,
    NoMemError,
    NotADatabaseError,
    NotWalError,
    OptionError,
    ParamError,
    PoisonedError,
    ReadOnlyError,
    RefusedError,
    SqlError,
    StaleError,
    TimeoutError,
    TooBigError,
    UnsupportedError,
    WalpoolError,
)
from ._lease import Reader
from ._prepared import Prepared
from ._token import Token
from ._types import (
    Checkpoint,
    Durability,
    Health,
    HealthReason,
    LeaseInfo,
    Maintenance,
    Many,
    Options,
    Params,
    Probe,
    Problem,
    Result,
    Row,
    Sql,
    Statement,
    Value,
    Version,
)
from ._writer import Savepoint, Writer

__all__ = [
    "BackupProgress",
    "BusyError",
    "CancelledError",
    "CantOpenError",
    "CeilingError",
    "Checkpoint",
    "ClosedError",
    "ConstraintError",
    "CorruptError",
    "Cursor",
    "Database",
    "DeadlockError",
    "Durability",
    "EncodingError",
    "ForkedError",
    "FullError",
    "Health",
    "HealthReason",
    "InternalError",
    "IoError",
    "LeaseInfo",
    "Maintenance",
    "Many",
    "MismatchError",
    "MisuseError",
    "NoMemError",
    "NotADatabaseError",
    "NotWalError",
    "OptionError",
    "Options",
    "ParamError",
    "Params",
    "PoisonedError",
    "Prepared",
    "Probe",
    "Problem",
    "ReadOnlyError",
    "Reader",
    "RefusedError",
    "Result",
    "Row",
    "Savepoint",
    "Sql",
    "SqlError",
    "StaleError",
    "Statement",
    "TimeoutError",
    "Token",
    "TooBigError",
    "UnsupportedError",
    "Value",
    "Version",
    "WalpoolError",
    "Writer",
    "open",
    "version",
    "version_number",
]

version_number = _native.version_number


def version() -> Version:
    """Return the versions of walpool and of the SQLite that it runs on.

    >>> walpool.version().walpool
    '0.1.0'
    """
    walpool, sqlite, source_id, number, bundled, safe = _native.version()
    return Version(walpool, sqlite, source_id, number, bool(bundled), bool(safe))
