"""Backups: a database becomes a file while others write, and takes one back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from . import _native
from ._errors import MisuseError, TimeoutError
from ._options import Path, encode_name
from ._token import Token
from ._types import Durability

_PHASES: tuple[Literal["copy", "check", "place", "done"], ...] = ("copy", "check", "place", "done")
_CHECKS = {"quick": 0, "full": 2, "none": 4}
_REPLACE = 1
_MOST_PAGES = 2**31 - 1
_LONGEST_PAUSE = 86400


class BackupProgress(NamedTuple):
    """How far a backup is."""

    phase: Literal["copy", "check", "place", "done"]
    """What comes next: ``"copy"`` pages, ``"check"`` the copy, ``"place"`` it:
    sync it and give it its name. ``"done"``: it is there."""
    page_size: int
    """In bytes."""
    pages: int
    """Of the snapshot."""
    copied: int
    """Of these."""


class _Clock:
    """What is left of a timeout for all steps together."""

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._end: float | None = None
        if isinstance(timeout, (int, float)) and timeout > 0:
            self._end = time.monotonic() + min(timeout, _LONGEST_PAUSE)

    def left(self) -> float | None:
        """For the next step, for which 0 would mean that running has no limit.
        What is no number is for the core to refuse."""
        if self._end is None:
            return self._timeout
        left = self._end - time.monotonic()
        if left > 0:
            return left
        error = TimeoutError(f"cannot back up: {self._timeout} s passed")
        error.phase = "execute"
        raise error

    def pause(self, seconds: float) -> None:
        left = self.left()
        time.sleep(min(seconds, left) if left else seconds)


def _flags(check: str, replace: bool) -> int:
    if not isinstance(check, str) or check not in _CHECKS:
        given = repr(check) if isinstance(check, str) else f"of type {type(check).__name__}"
        raise MisuseError(f"check is {given}; pass one of {', '.join(_CHECKS)}")
    return _CHECKS[check] | (_REPLACE if replace else 0)


def _check_numbers(pages: Any, pause: Any) -> None:
    if isinstance(pages, bool) or not isinstance(pages, int) or not 1 <= pages <= _MOST_PAGES:
        raise MisuseError(f"pages is not a whole number from 1 to {_MOST_PAGES}")
    if not isinstance(pause, (int, float)) or not 0 <= pause <= _LONGEST_PAUSE:
        raise MisuseError(f"pause is not a number of seconds from 0 to {_LONGEST_PAUSE}")


class Backups:
    """What a :class:`walpool.Database` can do with whole files."""

    _handle: int

    def backup(
        self,
        to: Path,
        *,
        progress: Callable[[BackupProgress], object] | None = None,
        pages: int = 1000,
        pause: float = 0.005,
        check: Literal["quick", "full", "none"] = "quick",
        replace: bool = False,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
    ) -> BackupProgress:
        """Copy the database into a file while others read and write.

        The copy is of one snapshot, taken now, and one file that opens
        anywhere: no sidecars, not in WAL mode until :func:`walpool.open`. It
        grows in ``<to>.walpool-partial`` and takes its name when it is complete,
        checked and synced. Whatever ends the call earlier leaves nothing, but a
        kill, after which the next backup to that path removes what is left.

        >>> db.backup(path, progress=lambda at: print(at.phase))
        check
        place
        done
        BackupProgress(phase='done', page_size=4096, pages=..., copied=...)

        :param to: a path, whose folder is there.
        :param progress: called after each step. An exception from it cancels
            the backup and comes out of this call.
        :param pages: to be copied in one step.
        :param pause: seconds between two steps, which leave the disk to others.
        :param check: SQLite's ``"quick"`` check of the copy, its ``"full"``
            one, which compares indexes with their tables, or ``"none"``.
        :param replace: whether a file that is there is replaced.
        :param timeout: seconds for all of it. None is no limit, but for locks.
        :param why: a label for health and ``leases()``; None is ``"backup"``.
        :param token: cancels the call from another thread.
        :raises CantOpenError: a file is there, or a sidecar of one; no folder.
        :raises MisuseError: it is the database itself, or one of its files.
        :raises BusyError: another backup to that path is running.
        :raises CorruptError: the database is damaged; the copy is not kept.
        :raises FullError, IoError, TimeoutError, CancelledError, ClosedError:
            as they say.
        """
        flags = _flags(check, replace)
        _check_numbers(pages, pause)
        clock = _Clock(timeout)
        handle = _native.backup_start(
            self._handle, encode_name(to, "back up to"), flags, (clock.left(), why, token)
        )
        try:
            while True:
                phase, *numbers = _native.backup_step(handle, pages, (clock.left(), None, token))
                at = BackupProgress(_PHASES[phase], *numbers)
                if progress is not None:
                    progress(at)
                if at.phase == "done":
                    return at
                if at.phase == "copy" and pause:
                    clock.pause(pause)
        finally:
            _native.backup_finish(handle)

    def restore(
        self,
        source: Path,
        *,
        durability: Durability | None = None,
        timeout: float | None = None,
        why: str | None = None,
        token: Token | None = None,
    ) -> None:
        """Replace all that is in the database by what is in a file, such as a
        backup, in one transaction.

        Readers keep their snapshots, other processes see an ordinary commit,
        and whatever cuts it off leaves all as it was. Never copy a file over a
        database that is open somewhere: its WAL would be applied to it.

        >>> db.backup(path).phase
        'done'
        >>> db.execute("DELETE FROM user").changes
        2
        >>> db.restore(path)
        >>> db.query("SELECT count(*) FROM user")
        [(2,)]

        :param source: an SQLite database, which is checked first.
        :param durability: of the commit; None is that of the database.
        :param timeout: seconds for all of it. None limits waiting only, by the
            ``busy_timeout``.
        :param why: a label for health and errors.
        :param token: cancels the call from another thread.
        :raises CantOpenError, NotADatabaseError, CorruptError: the file.
        :raises MisuseError: it is the database itself.
        :raises UnsupportedError: its page size or text encoding is another.
        :raises DeadlockError: this thread holds the writer.
        :raises ReadOnlyError, PoisonedError, FullError, IoError, TimeoutError,
            CancelledError, ClosedError: as they say; ``outcome`` tells what
            became of it.
        """
        _native.restore(
            self._handle,
            encode_name(source, "restore from"),
            (timeout, why, token, durability),
        )
