"""Options: from Python's values to the texts that the core reads."""

from __future__ import annotations

import math
import os
from typing import Any, TypeAlias, Union

from ._errors import MisuseError, OptionError

Path: TypeAlias = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]

# Options that are milliseconds in the core, and the most seconds of each.
_DAY = 86400
_IN_SECONDS = {
    "busy_timeout": _DAY,
    "close_timeout": _DAY,
    "timeout": _DAY,
    "coalesce": 1,
    "once_keep": 365 * _DAY,
    "lease_warn": _DAY,
    "snapshot_keep": 1,
    "reader_gate": 1,
    "optimize_interval": 365 * _DAY,
}


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # an int of thousands of digits
        return f"a very large {type(value).__name__}"


def _milliseconds(name: str, value: Any, most: int) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value == math.inf:
            return "-1"
        if 0 <= value <= most:
            return str(math.ceil(value * 1000 - 1e-6))  # 0.029 is 29 ms
    raise OptionError(
        f"option {name} is {_shown(value)}: pass seconds from 0 to {most}, or math.inf"
    )


def encode_option(name: str, value: Any) -> str:
    """An option's value as the core reads it."""
    if isinstance(value, str):
        return value
    most = _IN_SECONDS.get(name.lstrip("_"))
    if most is not None:
        return _milliseconds(name, value, most)
    if isinstance(value, bool):
        return str(int(value))
    if name.lstrip("_") == "permissions" and isinstance(value, int):
        return format(value, "o")
    try:
        return str(value)
    except ValueError:
        raise OptionError(f"option {name} is {_shown(value)}") from None


def encode_name(path: Path, doing: str = "open") -> bytes:
    try:
        name = os.fsencode(path)
    except (TypeError, UnicodeEncodeError) as error:
        raise MisuseError(f"cannot {doing} {path!r}: {error}") from None
    if b"\0" in name:
        raise MisuseError(f"cannot {doing} {path!r}: the path holds a NUL byte")
    if isinstance(path, os.PathLike) and name.startswith(b"file:"):
        return b"./" + name  # a file of that name, no DSN
    return name
