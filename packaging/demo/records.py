"""Records: blocks of `Key: value` lines with blank lines between them, the form
of dpkg's status file (deb-control(5)). Pure: bytes in, records out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A field's name: visible ASCII without a colon, not beginning with # or -.
FIELD = re.compile(r"([!\"$-,.-9;-~][!-9;-~]*)[ \t]*:(.*)", re.S)
# A package's name at the beginning of "libc6:any (>= 2.34) [linux-any]".
NAME = re.compile(r"[ \t\r\n]*([A-Za-z0-9][A-Za-z0-9+.-]*)")


@dataclass(frozen=True, slots=True)
class Record:
    """A well-formed record: its bytes, without the line end of its last line."""

    line: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Malformed:
    """What is wrong with a record that is skipped, and in which line."""

    line: int
    reason: str


class Wrong(Exception):
    """args: index of the line within the record, reason."""


def blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The number of the first line and the bytes of each record."""
    begin = 0
    lines: list[bytes] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip(b" \t\r"):
            begin = begin if lines else number
            lines.append(line)
        elif lines:
            yield begin, b"\n".join(lines)
            lines = []
    if lines:
        yield begin, b"\n".join(lines)


def excerpt(line: str) -> str:
    line = line.rstrip("\r")
    return ascii(line if len(line) <= 40 else line[:37] + "...")


def fields(text: str) -> dict[str, str]:
    """The values of a record by name, in lower case."""
    found: dict[str, str] = {}
    name = ""
    for index, line in enumerate(text.split("\n")):
        if line[0] in " \t":
            if not name:
                raise Wrong(index, f"{excerpt(line)} continues a field, but none has begun")
            found[name] += "\n" + line
            continue
        field = FIELD.fullmatch(line)
        if not field:
            raise Wrong(index, f"{excerpt(line)} is no 'Key: value'")
        name = field[1].lower()
        if name in found:
            raise Wrong(index, f"the field {field[1]} is there for the second time")
        found[name] = field[2]
    return found


def decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start)
        raise Wrong(line, f"byte 0x{raw[error.start]:02x} is not valid UTF-8") from None


def read(data: bytes) -> tuple[list[Record], list[Malformed]]:
    records, malformed = [], []
    for line, raw in blocks(data):
        try:
            fields(decode(raw))
            records.append(Record(line, raw))
        except Wrong as wrong:
            malformed.append(Malformed(line + wrong.args[0], wrong.args[1]))
    return records, malformed


def dependencies(record: dict[str, str]) -> list[str]:
    """The packages that must be there: names without versions and
    architectures, each once; alternatives stay together as "a | b"."""
    found: dict[str, None] = {}
    for field in ("pre-depends", "depends"):
        for group in record.get(field, "").split(","):
            names = [name[1] for part in group.split("|") if (name := NAME.match(part))]
            if names:
                found[" | ".join(names)] = None
    return list(found)
