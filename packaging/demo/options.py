"""What the user asked for. What is wrong with it is said before any work."""

from __future__ import annotations

import argparse
import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from records import Malformed, Record, read

DPKG_STATUS = Path("/var/lib/dpkg/status")
FORM = "a file of 'Key: value' records with blank lines between them"


class Refused(Exception):
    """The request makes no sense; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    input: Path
    kill: str | None  # "go", "node", "any"
    json: bool
    workers: int
    lease: float  # seconds
    keep: bool
    check: bool


@dataclass(frozen=True, slots=True)
class Input:
    path: Path
    data: bytes
    records: list[Record]
    malformed: list[Malformed]


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message}; see sh packaging/demo.sh --help")


def number(kind: Callable[[str], float], least: float, most: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise ValueError
        return value

    # argparse names the type in its error: invalid number from 1 to 64 value
    convert.__name__ = f"number from {least} to {most}"
    return convert


def parser() -> Parser:
    made = Parser(
        prog="sh packaging/demo.sh",
        allow_abbrev=False,
        description="One database, three languages: a Python process loads the records "
        "of a file as jobs, Go and Node.js workers carry them out at the same time, and "
        "the result is proved.",
        epilog="Status: 0 all proofs hold, 1 something failed, 2 the request or the input "
        "is wrong.",
    )
    add = made.add_argument
    add("--input", type=Path, metavar="FILE", default=DPKG_STATUS,
        help=f"{FORM}; default: the machine's Debian packages, {DPKG_STATUS}")
    add("--kill", nargs="?", const="any", choices=("any", "go", "node"), metavar="go|node",
        help="end one of the worker processes, or this one, by SIGKILL in the middle")
    add("--json", action="store_true",
        help="print the result as one JSON object; all else goes to standard error")
    add("--workers", type=number(int, 1, 64), metavar="N", default=4,
        help="workers in each of the two processes (default: %(default)s)")
    add("--lease", type=number(float, 0.001, 3600), metavar="SECONDS", default=2.0,
        help="how long a job is its worker's alone (default: %(default)s)")
    add("--keep", action="store_true", help="keep the database, and say where it is")
    add("--check", action="store_true", help=argparse.SUPPRESS)
    return made


def parse(arguments: list[str]) -> Options:
    return Options(**vars(parser().parse_args(arguments)))


def contents(path: Path) -> bytes:
    """All of a regular file: anything else cannot be read twice."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Refused(f"cannot read {path}: it is no regular file; --input takes {FORM}")
            return file.read()
    except IsADirectoryError as error:
        raise Refused(f"cannot read {path}: it is a folder; --input takes {FORM}") from error
    except (OSError, ValueError) as error:
        if path == DPKG_STATUS and getattr(error, "errno", 0) == errno.ENOENT:
            reason = "this machine has no Debian package records"
        else:
            reason = getattr(error, "strerror", None) or str(error)
        raise Refused(f"cannot read {path}: {reason}; name {FORM} by --input FILE") from error


def load(path: Path) -> Input:
    data = contents(path)
    records, malformed = read(data)
    if records:
        return Input(path, data, records, malformed)
    if malformed:
        first = malformed[0]
        raise Refused(
            f"{path} has no well-formed record: line {first.line}: {first.reason}; "
            f"--input takes {FORM}"
        )
    what = "holds only blank lines" if data else "is empty"
    raise Refused(f"{path} {what}; --input takes {FORM}")
