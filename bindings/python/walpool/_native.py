"""The border: the only module that imports the extension."""

from typing import Any, Protocol

from . import _raw
from ._raw import (
    ALL,
    BLOCK,
    FIRST,
    RESULT,
    SCRIPT,
    SMALL_BLOCK,
    Prepared,
    Rows,
    health_json,
    leases_json,
    metrics,
    pack,
    probe,
)
from ._raw import WALPOOL_PRIVATE as PRIVATE
from ._raw import WALPOOL_READ as READ
from ._raw import WALPOOL_WRITE as WRITE
from ._raw import walpool_acquire as acquire
from ._raw import walpool_backup_finish as backup_finish
from ._raw import walpool_backup_start as backup_start
from ._raw import walpool_backup_step as backup_step
from ._raw import walpool_batch as batch
from ._raw import walpool_begin as begin
from ._raw import walpool_cancel as cancel
from ._raw import walpool_checkpoint as checkpoint
from ._raw import walpool_close as close
from ._raw import walpool_commit as commit
from ._raw import walpool_cursor_close as cursor_close
from ._raw import walpool_cursor_next as cursor_next
from ._raw import walpool_lease_depth as lease_depth
from ._raw import walpool_maintain as maintain
from ._raw import walpool_open as open
from ._raw import walpool_release as release
from ._raw import walpool_restore as restore
from ._raw import walpool_rollback as rollback
from ._raw import walpool_savepoint as savepoint
from ._raw import walpool_token_close as token_close
from ._raw import walpool_token_open as token_open
from ._raw import walpool_version as version
from ._raw import walpool_version_number as version_number

__all__ = [
    "ALL",
    "BLOCK",
    "Call",
    "FIRST",
    "PRIVATE",
    "Prepared",
    "READ",
    "RESULT",
    "Rows",
    "SCRIPT",
    "SMALL_BLOCK",
    "WRITE",
    "acquire",
    "backup_finish",
    "backup_start",
    "backup_step",
    "batch",
    "begin",
    "cancel",
    "checkpoint",
    "close",
    "commit",
    "cursor_close",
    "cursor_next",
    "health_json",
    "lease_depth",
    "leases_json",
    "maintain",
    "metrics",
    "open",
    "pack",
    "probe",
    "read",
    "release",
    "restore",
    "rollback",
    "run",
    "savepoint",
    "token_close",
    "token_open",
    "version",
    "version_number",
    "write",
]


class Call(Protocol):
    """A function of the core that runs a statement. bindings/python/raw.h says
    what the request holds."""

    def __call__(self, request: tuple[Any, ...], /) -> Any: ...


read: Call = _raw.walpool_read
run: Call = _raw.walpool_run
write: Call = _raw.walpool_write
