"""The database of the kill loop: its tables, and whether what is in it can be
true.

It is read by plain SQLite, in a process that has no walpool. A transaction has
a writer and a number; it adds one or more parts, and their sum to the writer's
total. The tally is one row that all writers change. So a commit that was lost,
came in half, or overwrote another one shows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# Parts that are added by a statement alone are counted by the trigger; the
# others by a statement of their own in the same transaction.
SCHEMA = """
CREATE TABLE writer (id INTEGER PRIMARY KEY, total INTEGER NOT NULL DEFAULT 0);
CREATE TABLE tally (total INTEGER NOT NULL);
INSERT INTO tally VALUES (0);
CREATE TABLE entry (
    writer INTEGER NOT NULL REFERENCES writer (id),
    number INTEGER NOT NULL,
    part INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    way TEXT NOT NULL,
    PRIMARY KEY (writer, number, part)
) WITHOUT ROWID;
CREATE INDEX entry_by_way ON entry (way, number);
CREATE TRIGGER counted AFTER INSERT ON entry WHEN NEW.way IN ('single', 'many') BEGIN
    UPDATE writer SET total = total + NEW.number WHERE id = NEW.writer;
END;
CREATE TRIGGER tallied AFTER UPDATE OF total ON writer BEGIN
    UPDATE tally SET total = total + NEW.total - OLD.total;
END;
"""

NUMBERS = """
SELECT writer, max(number), count(DISTINCT number), min(number) FROM entry GROUP BY writer"""

HALVES = """
SELECT writer, number, count(*), max(parts) FROM entry
 GROUP BY writer, number HAVING count(*) <> max(parts) OR max(part) <> max(parts) - 1 LIMIT 3"""

TOTALS = """
SELECT id, total, coalesce((SELECT sum(number) FROM entry WHERE writer = id), 0) AS entries
  FROM writer WHERE total <> entries LIMIT 3"""

TALLY = """
SELECT total, (SELECT coalesce(sum(number), 0) FROM entry) AS entries
  FROM tally WHERE total <> entries"""


class Found(NamedTuple):
    numbers: dict[int, int]  # by writer, its last number
    problems: list[str]


def create(path: Path) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(SCHEMA)
    db.close()


def read(path: Path) -> Found:
    """What one snapshot holds, and what is wrong with it."""
    db = sqlite3.connect(path, timeout=60, isolation_level=None)
    try:
        db.execute("BEGIN")
        numbers = dict(db.execute("SELECT writer, max(number) FROM entry GROUP BY writer"))
        return Found(numbers, list(_problems(db)))
    except sqlite3.DatabaseError as error:
        return Found({}, [f"plain SQLite cannot read it: {error}"])
    finally:
        db.close()


def _problems(db: sqlite3.Connection) -> Iterator[str]:
    for (text,) in db.execute("PRAGMA integrity_check(3)"):
        if text != "ok":
            yield f"integrity check: {text}"
    for table, *_ in db.execute("PRAGMA foreign_key_check"):
        yield f"a row of {table} refers to no writer"
    for writer, last, count, first in db.execute(NUMBERS):
        if first != 1 or count != last:
            yield f"writer {writer} has a gap: {count} numbers from {first} to {last}"
    for writer, number, count, parts in db.execute(HALVES):
        yield f"writer {writer} has {count} of {parts} parts of number {number}"
    for writer, total, entries in db.execute(TOTALS):
        yield f"writer {writer} has the total {total}, its entries sum up to {entries}"
    for total, entries in db.execute(TALLY):
        yield f"the tally is {total}, all entries sum up to {entries}"


def broken_promises(
    found: dict[int, int], before: dict[int, int], after: dict[int, int]
) -> list[str]:
    """What was acknowledged before the snapshot is in it; of what is in it, all
    but the last number of each writer was acknowledged after it."""
    problems = [f"writer {writer} was never started" for writer in found.keys() - before.keys()]
    for writer, least in before.items():
        number = found.get(writer, 0)
        if number < least:
            problems.append(f"writer {writer} acknowledged {least}, but {number} is found")
        if number > after[writer] + 1:
            problems.append(f"writer {writer} acknowledged {after[writer]}, but {number} is found")
    return problems
