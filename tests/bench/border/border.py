"""Group border in Python: walpool, sqlite3 and APSW in one process.

    border.py OURS.db STDLIB.db APSW.db MEASURE...

Each side has its own copy of the database, because copies of SQLite that
share a process must not share a file.
"""

from __future__ import annotations

import gc
import json
import random
import sqlite3
import sys
import time
from collections.abc import Callable
from itertools import repeat

import apsw
import python_hand
import walpool

Body = Callable[[], object]

COLUMNS = "SELECT id, a, b, c, d FROM t"
POINT = f"{COLUMNS} WHERE id = ?"
LOOKUP = "SELECT value FROM point WHERE id = ?"
BLOB = "SELECT data FROM blob WHERE id = 1"
PRAGMAS = """
PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
PRAGMA foreign_keys=1; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192;
PRAGMA journal_size_limit=16777216; PRAGMA wal_autocheckpoint=0; PRAGMA trusted_schema=0;
"""
CALLS, QUERIES, BLOBS, OPENS = 50_000, 300, 10, 4
KEYS = random.Random(1).sample(range(100_000), 1000)
SQLITE = {"ours": walpool.version().sqlite, "stdlib": sqlite3.sqlite_version,
          "APSW": apsw.sqlite_lib_version()}


def sample(body: Body, clock: Callable[[], float]) -> float:
    """Seconds until the result is there; giving it back is not counted."""
    start = clock()
    result = body()
    end = clock()
    del result
    return end - start


def compare(
    measure: str, sides: dict[str, Body], turns: int, per: int = 1,
    clock: Callable[[], float] = time.perf_counter, overhead: Body | None = None,
) -> None:
    """Every side in turns; the order is reversed from turn to turn. A body
    does its work `per` times; `overhead` is taken off where it is given.
    Turns are many and short, because then other load meets few of them."""
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for body in sides.values():
        body()
    for turn in range(turns):
        for side in list(sides)[:: -1 if turn % 2 else 1]:
            gc.collect()
            empty = sample(overhead, clock) if overhead else 0.0
            seconds[side].append((sample(sides[side], clock) - empty) / per)
    print(json.dumps({"measure": measure, "samples": seconds,
                      "sqlite": {side: SQLITE.get(side, "") for side in sides}}), flush=True)


def times(count: int, function: Body) -> Body:
    def body() -> None:
        for _ in repeat(None, count):
            function()
    return body


def each_of(keys: list[int], look: Callable[[int], object]) -> Body:
    def body() -> None:
        for key in keys:
            look(key)
    return body


def loop() -> None:
    for _ in repeat(None, CALLS):
        pass


def call() -> None:
    sides = {"ours": times(CALLS, walpool._native.version_number),
             "hand-written": times(CALLS, python_hand.number)}
    compare("python.call", sides, 101, CALLS, time.process_time, loop)


class Databases:
    """One open database a side."""

    def __init__(self, ours: str, stdlib: str, apsw_path: str) -> None:
        self.ours = walpool.open(ours)
        self.stdlib = sqlite3.connect(stdlib)
        self.stdlib.executescript(PRAGMAS)
        self.apsw = apsw.Connection(apsw_path)
        self.apsw.execute(PRAGMAS).fetchall()

    def queries(self, sql: str, parameters: tuple[int, ...] = ()) -> dict[str, Body]:
        ours, stdlib, other = self.ours.query, self.stdlib.execute, self.apsw.execute
        sides: dict[str, Body] = {
            "ours": lambda: ours(sql, parameters),
            "stdlib": lambda: stdlib(sql, parameters).fetchall(),
            "APSW": lambda: other(sql, parameters).fetchall(),
        }
        answers = [body() for body in sides.values()]
        if answers.count(answers[0]) != len(answers):
            raise SystemExit(f"the answers to {sql} differ")
        return sides

    def compare(self, measure: str, sql: str, turns: int, per: int, *parameters: int) -> None:
        sides = self.queries(sql, parameters)
        compare(measure, {side: times(per, body) if per > 1 else body for side, body in sides.items()},
                turns, per)

    def lookups(self, measure: str) -> None:
        """One value by the primary key of a random row, as each would write it."""
        ours, stdlib, other = self.ours.query_one, self.stdlib.execute, self.apsw.execute
        sides: dict[str, Callable[[int], tuple[int]]] = {
            "ours": lambda key: ours(LOOKUP, (key,)),
            "stdlib": lambda key: stdlib(LOOKUP, (key,)).fetchone(),
            "APSW": lambda key: other(LOOKUP, (key,)).fetchone(),
        }
        for side, look in sides.items():
            if tuple(look(1234)) != (8638,):
                raise SystemExit(f"{side} gave the value of another row")
        compare(measure, {side: each_of(KEYS, look) for side, look in sides.items()}, 201, len(KEYS))

    def close(self) -> None:
        self.ours.close()
        self.stdlib.close()
        self.apsw.close()


def open_close(ours: str, stdlib: str) -> None:
    def with_walpool() -> None:
        db = walpool.open(ours)
        db.query(POINT, (7,))
        db.close()

    def with_sqlite3() -> None:
        db = sqlite3.connect(stdlib)
        db.executescript(PRAGMAS)
        db.execute(POINT, (7,)).fetchall()
        db.close()

    compare("python.open", {"ours": times(OPENS, with_walpool), "stdlib": times(OPENS, with_sqlite3)},
            101, OPENS)


def query(measure: str, kind: str, paths: list[str]) -> None:
    databases = Databases(*paths)
    if kind == "lookup":
        databases.lookups(measure)
    else:
        sql, turns, per, parameters = {
            "scan": (COLUMNS, 21, 1, ()),
            "empty": (POINT, 101, QUERIES, (-1,)),
            "blob": (BLOB, 101, BLOBS, ()),
        }[kind]
        databases.compare(measure, sql, turns, per, *parameters)
    databases.close()


def main() -> None:
    paths, measures = sys.argv[1:4], sys.argv[4:]
    for measure in measures:
        kind = measure.split(".")[1]
        if kind == "call":
            call()
        elif kind == "open":
            open_close(paths[0], paths[1])
        else:
            query(measure, kind, paths)


main()
