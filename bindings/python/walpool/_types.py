"""What calls take and give: parameters, results, health."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypedDict, Union

if TYPE_CHECKING:
    from ._prepared import Prepared

Value: TypeAlias = Union[None, bool, int, float, str, bytes, bytearray, memoryview]
"""What can be stored. ``bool`` is stored as 0 or 1, the last three as BLOB.
Columns come back as ``None``, ``int``, ``float``, ``str`` and ``bytes``."""

Params: TypeAlias = Union[Sequence[Value], Mapping[str, Value]]
"""Parameters by position (``?``, ``?2``) or by name (``:name``, ``@name``,
``$name``; the mapping's keys are written with or without the sign). Surplus
names are allowed, surplus positions are not."""

Row: TypeAlias = tuple[Any, ...]

Sql: TypeAlias = Union[str, "Prepared"]
"""The text of a statement, or what :meth:`walpool.Database.prepare` made of it."""

Durability: TypeAlias = Literal["normal", "full"]
"""What a commit survives: see :class:`walpool.Options`."""


class Options(TypedDict, total=False):
    """The options of :func:`walpool.open`, all of them optional.

    Times are in seconds, as everywhere in this package; ``math.inf`` means no
    limit. A value given as ``str`` is read as in a DSN, where times are in
    milliseconds.
    """

    readers: int
    """Reader connections, 1 to 64, opened when needed; all but one
    are closed after a minute without use. Default 4. More than twice the number
    of cores brings nothing."""
    busy_timeout: float
    """Seconds that a call without ``timeout`` waits at most, for connections
    and for other processes, 0 to 86400. Default 5.0. It does not limit how
    long a statement runs."""
    close_timeout: float
    """Seconds that ``close()`` without ``timeout`` waits at most. Default
    5.0."""
    cache_size_kib: int
    """Page cache of each connection in KiB, 64 to 16777216. Default 8192. Each
    commit empties those of readers: a larger one pays where they are rare."""
    mmap_size: int
    """Bytes of the file to map into memory. Default 0, off: a file that fails
    or is cut short would kill the process. Reads of large files gain up to 2x
    where few commit, and lose up to 4x beside many commits."""
    journal_size_limit: int
    """Bytes that a WAL keeps when it is reset, -1 for all. Default 16 MiB."""
    checkpoint_frames: int
    """Frames (pages) in the WAL at which it is checkpointed, 1 to 1000000.
    Default 1000."""
    statement_cache: int
    """Prepared statements kept for each connection, 0 to 10000. Default
    128."""
    durability: Durability
    """``"normal"``, the default, survives a killed process. ``"full"`` also
    survives a power cut: a commit is visible at once, and answered when a sync
    of the disk, shared by all who wait, covers it."""
    foreign_keys: bool
    """Whether foreign keys are enforced. Default True."""
    temp_store: Literal["memory", "file"]
    """Where temporary tables live. Default ``"memory"``."""
    allow_attach: bool
    """Whether ATTACH and DETACH are allowed. Default False."""
    coalesce: float
    """``execute()`` calls of many threads that wait for the writer may share a
    transaction; each still fails or holds by itself. Seconds that one is open
    for others at most, 0 to 1. A write is answered when the last one of its
    transaction has run, so it is for writes that are all short. Default 0,
    off."""
    once_keep: float
    """Seconds that a ``once_key`` is remembered, by the clock of the day, 1 to
    31536000. Default 86400."""
    lease_warn: float
    """Health is degraded, and names the lease, while one is out for longer than
    so many seconds, 0 to 86400; ``math.inf`` for never. Default 10.0."""
    lease_trace: bool
    """Whether the native stack at each acquire is remembered, for
    ``db.leases()``; costs microseconds each time. Default False."""
    snapshot_keep: float
    """Seconds that a reader's snapshot stays open between two uses, if nothing
    was committed since: a read that follows soon then takes no lock. 0 to 1;
    0 is off. Default 0.005. Results are as new as without it."""
    step_ahead: int
    """Threads of the library that fetch the next rows of large results while the
    program uses those that it has, 0 to 32; 0 is none. Default -1: one less than
    the CPUs, 4 at most."""
    reader_gate: float
    """Seconds that new readers are made to wait at most, until older ones have
    gone and the WAL can start anew, 0 to 1. Default 0.1."""
    wal_ceiling_frames: int
    """Frames of the WAL above which ``wal_ceiling_policy`` holds, while a reader
    keeps it from starting anew: ``checkpoint_frames`` to 16000000, 0 for no
    ceiling. Default -1: 16 times ``checkpoint_frames``."""
    wal_ceiling_policy: Literal["warn", "backpressure", "fail", "interrupt"]
    """What happens then. ``"warn"``, the default: health names who keeps it.
    ``"backpressure"``: writes wait, too. ``"fail"``: they raise
    :class:`CeilingError`. ``"interrupt"``: snapshots of this process that are
    older than ``reader_gate`` are ended, and what uses them raises
    :class:`StaleError`."""
    checkpoint_owner: Literal["walpool", "external"]
    """``"external"`` where a replicator such as Litestream checkpoints: then
    walpool never does, not even when it closes. Default ``"walpool"``."""
    mode: Literal["rwc", "rw", "ro"]
    """``"rwc"`` creates a missing file and is the default, ``"rw"`` does not,
    ``"ro"`` only reads."""
    permissions: int
    """Mode bits of a new file. Default ``0o600``."""
    allow_network_fs: bool
    """Whether a database may lie on a network or host-bridge file system, where
    its WAL is damaged as soon as two machines use it. Default False."""
    optimize_interval: float
    """After the opening and each time that so many seconds have passed, measure
    tables as ``db.optimize()`` does, when nobody writes, 0 to 31536000. Default
    0, never."""


class Statement(NamedTuple):
    """A statement of :meth:`walpool.Database.batch`, with all that it takes."""

    sql: Sql
    """Exactly one statement."""
    params: Params = ()
    """Its parameters, by position or by name."""
    expect: int | None = None
    """The number of rows that it must change; otherwise nothing of the batch is
    applied."""


class Many(NamedTuple):
    """A statement of :meth:`walpool.Database.batch` that is run once for each
    row of parameters."""

    sql: Sql
    """Exactly one statement."""
    rows: Iterable[Params]
    """Any iterable of sequences or mappings."""
    expect: int | None = None
    """The number of rows that all of it must change."""


class Result(NamedTuple):
    """What a write did."""

    changes: int
    """Rows inserted, changed or deleted, over all rows of parameters."""
    last_rowid: int
    """Rowid of the last INSERT on the writer's connection, or 0."""
    rows: list[Any]
    """Rows of a RETURNING clause."""
    columns: tuple[str, ...]
    """The names of their columns."""


# new(Result, answer) is Result(*answer) without a function written in Python.
new = tuple.__new__


class LeaseInfo(NamedTuple):
    """A connection that is out: see :meth:`walpool.Database.leases`."""

    kind: Literal["read", "write", "private"]
    """Whether it is a reader, the writer, or a connection that other code of
    the process has for itself."""
    holder: Literal["call", "lease", "cursor", "backup"]
    """What has it: a call that is running, a :class:`walpool.Reader` or
    :class:`walpool.Writer`, the :class:`walpool.Cursor` of a database, or a
    backup."""
    why: str
    """Its label, or ``""``."""
    thread: int
    """The thread that took it, by its ``native_id``."""
    age: float
    """Seconds since it is out."""
    frames: int | None
    """Frames of the WAL when its snapshot was taken: the WAL keeps what came
    after. None for the writer, and where it is not known."""
    stack: tuple[str, ...]
    """With the option ``lease_trace``: function and address of the native calls
    that took it, the innermost first."""

    @classmethod
    def _all_from_json(cls, text: str) -> list[LeaseInfo]:
        return [
            cls(
                kind=one["kind"],
                holder=one["holder"],
                why=one["why"],
                thread=one["thread"],
                age=one["age_us"] / 1e6,
                frames=one["frames"] if one["frames"] >= 0 else None,
                stack=tuple(one["stack"]),
            )
            for one in json.loads(text)
        ]


class Checkpoint(NamedTuple):
    """What a checkpoint did."""

    outcome: Literal["complete", "partial", "not_reset", "other"]
    """``"complete"``: all frames are in the database file, and the WAL was
    reset if the mode asks for it. ``"partial"``: a reader keeps frames back.
    ``"not_reset"``: all are copied, but a reader or writer keeps the WAL from
    being reset. ``"other"``: another process checkpoints just now."""
    busy: bool
    """True unless complete."""
    log_frames: int
    """Frames in the WAL."""
    checkpointed_frames: int
    """Of these, in the database file."""
    pinned_pid: int
    """The process, maybe this one, whose snapshot is in the way where it is
    ``"partial"`` or ``"not_reset"``; -1 for one without a number here, 0 where
    none was found."""
    pinned_frame: int
    """The WAL keeps what came after this frame."""
    pinned_why: str
    """Its label, if it is of this process, or ``""``."""


class Maintenance(NamedTuple):
    """What ``db.optimize()``, ``db.vacuum()`` or ``db.incremental_vacuum()``
    did."""

    page_size: int
    """Bytes of a page."""
    pages_before: int
    """Pages of the database."""
    pages_after: int
    free_pages: int
    """Of these, without content."""
    tables: int
    """That needed to be measured, and were."""
    wal_frames: int
    """Frames in the WAL after the checkpoint that follows a vacuum."""
    wal_frames_checkpointed: int
    """Of these, in the database file."""
    complete: bool
    """Whether nothing is left to do: time was enough, and no reader keeps the
    WAL as it is."""


class Problem(NamedTuple):
    """What ``db.check()`` has found."""

    kind: Literal["damage", "foreign_key"]
    """``"damage"``: restore a backup. ``"foreign_key"``: rows without their
    parent."""
    message: str
    table: str | None
    """Of rows without their parent."""
    parent: str | None
    """The table where it is missing."""
    rows: int | None
    """How many have none."""


class Version(NamedTuple):
    """Which walpool, on which SQLite."""

    walpool: str
    """Such as ``"0.1.0"``."""
    sqlite: str
    """The version that runs, such as ``"3.46.1"``."""
    sqlite_source_id: str
    """Date and hash of SQLite's source."""
    sqlite_number: int
    """Such as 3046001."""
    sqlite_bundled: bool
    """True: compiled in. False: the system's library."""
    wal_reset_safe: bool
    """Whether this SQLite has the fix of the WAL-reset bug (3.51.3, 3.50.7,
    3.44.6 and newer). walpool guards the older ones."""


class Probe(NamedTuple):
    """How long each step of a probe took, in microseconds; -1: it was not
    done, since the database is read only."""

    writer_us: int
    """Until the writer, the turn and SQLite's lock were had."""
    write_us: int
    """The write."""
    commit_us: int
    """Its commit, with the sync where the durability is full."""
    read_us: int
    """The read, on a reader."""
    total_us: int
    """All of it."""


@dataclass(frozen=True)
class HealthReason:
    """One reason why a database is not ``ok``."""

    code: str
    """Its name, which stays the same: ``"wal_pinned"``, ``"poisoned"``, ..."""
    verdict: Literal["degraded", "failing"]
    """How grave it is."""
    text: str
    """What is wrong, with its name and numbers."""
    remedy: str
    """What to do."""


@dataclass(frozen=True)
class Health:
    """One consistent snapshot of a database. Counters only grow; times are in
    microseconds, as their names say."""

    verdict: Literal["ok", "degraded", "failing"]
    """What it comes to."""
    reason: str
    """The gravest reason and what to do, or ``""``."""
    reasons: tuple[HealthReason, ...]
    """All that apply."""
    oldest_why: str
    """Label of the oldest lease that is out, or ``""``."""
    dirty_why: str
    """Label of the newest lease that came back dirty, or ``""``."""
    path: str
    """The file, as an absolute path."""
    readers_limit: int
    """Readers that may be open."""
    readers_open: int
    """Reader connections that are open."""
    readers_leased: int
    snapshots_warm: int
    """Readers in use."""
    private_open: int
    """Private connections that are open."""
    reader_waiters: int
    """Calls that wait for a reader."""
    writer_leased: int
    """1 while the writer is in use."""
    writer_waiters: int
    """Calls that wait for the writer."""
    oldest_lease_us: int
    """Age of the oldest lease or cursor that is out."""
    reads: int
    """Counter: read calls that succeeded."""
    writes: int
    """Counter: committed transactions."""
    rollbacks: int
    """Counter: transactions rolled back."""
    once_replays: int
    """Counter: writes answered from their once_key."""
    coalesced: int
    """Counter: writes that shared a transaction."""
    errors: int
    """Counter: calls that failed."""
    timeouts: int
    """Counter: of these, past their deadline."""
    cancels: int
    """Counter: of these, cancelled."""
    dirty_leases: int
    """Counter: leases given back with an open transaction."""
    leases_long: int
    """Leases, cursors, calls out for longer than ``lease_warn``."""
    leases_overdue: int
    """Counter: leases and cursors that were out for longer."""
    lock_waits: int
    """Counter: sleeps of 1 ms for another process's lock."""
    turn_waits: int
    """Counter: waits for the turn of another process."""
    fs_class: int
    """Where the file lies: 0 unknown, 1 local disk, 2 memory, 3 overlay of a
    container, 4 network, 5 the host of this machine, 6 FUSE."""
    turns: int
    """1: writers take turns with other processes; 0: read-only, or no."""
    moved_files: int
    """Files that are not in place: moved, replaced, removed, cut."""
    rescues: int
    """Counter: commits saved from a -wal or -shm that was removed."""
    second_sqlite: int
    """1: another SQLite of this process uses the file."""
    lost_locks: int
    """Counter: locks of SQLite's that were found lost."""
    lock_checks: int
    """1: lost locks are noticed; 0: this system cannot tell."""
    optimizes: int
    """Counter: times that tables were measured, or need not be."""
    statement_hits: int
    """Counter: prepared statement found in the cache."""
    statement_misses: int
    """Counter: statement had to be prepared."""
    wal_bytes: int
    """Size of the ``-wal`` file."""
    wal_bytes_highest: int
    """Highest ``wal_bytes`` seen by this database."""
    wal_frames: int
    """Frames in the WAL that hold commits."""
    wal_frames_checkpointed: int
    """Of these, in the database file."""
    pin_frames: int
    """Frames that the oldest snapshot in use has; -1: none is."""
    pin_pid: int
    """Process that keeps it; 0: none, or not known."""
    pin_age_us: int
    """For how long, where it is a lease of this database."""
    disk_free_bytes: int
    """Room on the disk; -1: not known."""
    wal_reset_safe: int
    """1: this SQLite has the fix of the WAL-reset bug; 0: walpool guards it."""
    checkpoints: int
    """Counter: checkpoints of this process."""
    checkpoint_failures: int
    """Counter: checkpoints that ended in an error."""
    reader_gates: int
    """Counter: times that new readers waited for old ones."""
    checkpoint_external: int
    """1: ``checkpoint_owner`` is ``"external"``, so there are none."""
    wal_ceiling_frames: int
    """The option's frames; 0: there is no ceiling."""
    wal_over_ceiling: int
    """1: the WAL has more, and something keeps it."""
    backups: int
    """Counter: backups that came to their end."""
    backup_running: int
    """Backups that were started and not finished."""
    writer_wait_count: int
    """Counter: times the writer was asked for."""
    writer_wait_p50_us: int
    """Wait for the writer, median."""
    writer_wait_p99_us: int
    """Wait for the writer, 99th percentile."""
    writer_wait_max_us: int
    """Wait for the writer, longest."""
    writer_hold_p50_us: int
    """Use of the writer, median."""
    writer_hold_p99_us: int
    """Use of the writer, 99th percentile."""
    writer_hold_max_us: int
    """Use of the writer, longest."""
    commit_p50_us: int
    """Write or commit, without the wait for the writer, median."""
    commit_p99_us: int
    """Write or commit, without the wait for the writer, 99th percentile."""
    commit_max_us: int
    """Write or commit, without the wait for the writer, longest."""
    query_p50_us: int
    """Read, median. One of 16 is measured, and those that take long."""
    query_p99_us: int
    """Such a read, 99th percentile."""
    query_max_us: int
    """Such a read, longest."""
    syncs: int
    """Counter: syncs of the WAL for durable commits and reads."""
    sync_p50_us: int
    """Such a sync, median."""
    sync_p99_us: int
    """Such a sync, 99th percentile."""
    sync_max_us: int
    """Such a sync, longest."""
    checkpoint_p50_us: int
    """Checkpoint, median."""
    checkpoint_p99_us: int
    """Checkpoint, 99th percentile."""
    checkpoint_max_us: int
    """Longest checkpoint."""
    checkpoint_hold_max_us: int
    """Longest use of the writer by a checkpoint."""
    json: str
    """All of it as the core wrote it; see :meth:`to_json`."""

    def to_json(self) -> str:
        """Return the snapshot as one JSON object, with the same names as in
        every other language, and the versions."""
        return self.json

    @classmethod
    def _from_json(cls, text: str) -> Health:
        fields = json.loads(text)
        fields["reasons"] = tuple(HealthReason(**reason) for reason in fields["reasons"])
        known = cls.__dataclass_fields__
        return cls(
            json=text, **{name: fields[name] for name in known if name in fields}
        )
