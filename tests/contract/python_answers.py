"""Values and expectations of the contract, as Python has them."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from typing import Any

import walpool

Step = dict[str, Any]


class Differs(Exception):
    """An answer is not the expected one."""


def value(given: Any) -> Any:
    """A value of JSON as Python has it."""
    if not isinstance(given, dict):
        return given
    times = given.get("repeat", 1)
    if "int" in given:
        return int(given["int"])
    if "real" in given:
        return float(given["real"])
    if "utf16" in given:
        return bytes.fromhex(given["utf16"]).decode("utf-16-be", "surrogatepass")
    if "blob" in given:
        return bytes.fromhex(given["blob"]) * times
    return bytes.fromhex(given["text_hex"]).decode() * times


def values(params: Any) -> Any:
    if isinstance(params, dict):
        return {name: value(item) for name, item in params.items()}
    return tuple(value(item) for item in params)


def same(want: Any, got: Any) -> bool:
    if type(want) is not type(got):
        return False
    if isinstance(want, float):
        return struct.pack("d", want) == struct.pack("d", got)
    return bool(want == got)


def maker(cell: Any) -> Callable[[int], Any]:
    """What gives a cell of a `cycle` in the row of a number."""
    if isinstance(cell, dict) and "row" in cell:
        return lambda at: at + cell["row"]
    made = value(cell)
    return lambda at: made


def check_cycle(want: Step, rows: list[Any]) -> bool:
    """Rows that repeat, from row `from` of the result on."""
    pattern = [[maker(cell) for cell in row] for row in want["rows"]]
    for at, row in enumerate(rows, want.get("from", 0)):
        makers = pattern[at % len(pattern)]
        if len(row) != len(makers) or not all(same(make(at), got) for make, got in zip(makers, row)):
            raise Differs(f"row {at} is {short(row)}")
    return True


def same_row(want: Any, got: Any) -> bool:
    if want is None or got is None:
        return want is got
    return len(want) == len(got) and all(same(value(w), g) for w, g in zip(want, got))


def short(thing: Any) -> str:
    text = repr(thing)
    return text if len(text) < 300 else text[:300] + "..."


def same_number(want: Any, got: Any) -> bool:
    if not isinstance(want, dict):
        return bool(want == got)
    if "int" in want:
        return int(want["int"]) == got
    return want.get("min", got) <= got <= want.get("max", got)


def compare(want: Any, name: str, got: Any) -> None:
    if name == "rows":
        equal = len(want) == len(got) and all(map(same_row, want, got))
    elif name == "cycle":
        equal = check_cycle(want, got)
    elif name in ("row", "first", "last"):
        equal = same_row(want, got)
    elif name == "columns":
        equal = want == list(got)
    elif name == "reasons":
        equal = sorted(want) == sorted(got)
    elif name == "reason_words":
        equal = all(word in got for word in want)
    elif name in ("results", "leases"):
        equal = len(want) == len(got)
        for one, answer in zip(want, got):
            check_answer(one, answer)
    else:
        equal = same_number(want, got)
    if not equal:
        raise Differs(f"{name} is {short(got)}, not {short(want)}")


def check_answer(expect: Step, answer: Step) -> None:
    for name, want in expect.items():
        source = "rows" if name == "cycle" else name
        if source not in answer:
            raise Differs(f"there is no answer {name}: {short(answer)}")
        compare(want, name, answer[source])


def check_error(want: Step, error: walpool.WalpoolError, text: Callable[[str], str]) -> None:
    number = error.errno
    got = {
        "status": error.status,
        "sqlite": error.sqlite_code_name,
        "outcome": error.outcome,
        "phase": error.phase,
        "statement": error.statement,
        "sql_offset": error.sql_offset,
        "errno": errno.errorcode.get(number, number) if number else None,
    }
    for name in want.keys() - {"words", "lacks"}:
        if got[name] != want[name]:
            raise Differs(f"{name} is {got[name]}, not {want[name]}: {error}")
    for word in want.get("words", ()):
        if text(word) not in str(error):
            raise Differs(f"the message lacks {text(word)!r}: {error}")
    for word in want.get("lacks", ()):
        if word in str(error):
            raise Differs(f"the message has {word!r}: {error}")
