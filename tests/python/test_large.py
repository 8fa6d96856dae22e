"""Large results: row by row what the standard library has, in many threads."""

from __future__ import annotations

import sqlite3
from itertools import islice

import pytest
from conftest import Thread

import walpool

ROWS = 30_000
SQL = "SELECT i, a, b FROM big ORDER BY i"
WAIT = 120.0
MAKE = f"""
CREATE TABLE big (i INTEGER PRIMARY KEY, a, b);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {ROWS})
INSERT INTO big SELECT i,
    CASE i % 8 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'row ' || i
        WHEN 3 THEN 'grüße, 漢字, 🙂 ' || i WHEN 4 THEN 'a' || char(0) || i
        WHEN 5 THEN i * 307445734561825 WHEN 6 THEN i / 7.0 ELSE -1e300 * i END,
    CASE WHEN i % 4001 = 0 THEN zeroblob(32000 + i) WHEN i % 4003 = 0 THEN hex(zeroblob(i + 20000))
        WHEN i % 3 = 0 THEN randomblob(i % 50) WHEN i % 3 = 1 THEN x'' END
FROM n
"""


@pytest.fixture
def big(db):
    db.script(MAKE)
    return db


@pytest.fixture
def expected(big, tmp_path):
    """As the module sqlite3 reads a copy: the database itself is walpool's."""
    big.backup(tmp_path / "copy.db")
    plain = sqlite3.connect(tmp_path / "copy.db")
    try:
        rows = plain.execute(SQL).fetchall()
    finally:
        plain.close()
    assert len(rows) == ROWS
    return rows


def by_query(db):
    return db.query(SQL, timeout=WAIT)


def by_iterate(db):
    with db.iterate(SQL, timeout=WAIT) as cursor:
        return list(cursor)


def by_pieces(db):
    with db.iterate(SQL, timeout=WAIT) as cursor:
        rows, count = [], 1
        while piece := list(islice(cursor, count)):
            rows += piece
            count = count * 3 % 5000 + 1
        return rows


def by_reader(db):
    with db.read(timeout=WAIT) as r:
        return r.query(SQL)


def by_cursor_of_a_reader(db):
    with db.read(timeout=WAIT) as r, r.iterate(SQL) as cursor:
        return list(cursor)


def by_prepared(db):
    with db.prepare(SQL) as all_rows:
        return all_rows.query(timeout=WAIT)


WAYS = (by_query, by_iterate, by_pieces, by_reader, by_cursor_of_a_reader, by_prepared)


def differences(rows, expected):
    """The first row that differs, with its type, or None."""
    for got, want in zip(rows, expected, strict=True):
        if got != want or [type(v) for v in got] != [type(v) for v in want]:
            return got, want
    return None


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_large__is_what_sqlite3_reads(big, expected, threads):
    def read_all(first):
        for n in range(len(WAYS)):
            way = WAYS[(first + n) % len(WAYS)]
            found = differences(way(big), expected)
            assert found is None, f"{way.__name__}: {str(found)[:200]}"

    running = [Thread(lambda first=n: read_all(first)) for n in range(threads)]
    for thread in running:
        thread.join(WAIT)
        thread.result()
    assert big.health().readers_leased == 0


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_large__is_one_snapshot_while_a_writer_commits(big, threads):
    big.script("CREATE TABLE age (i INTEGER PRIMARY KEY, n INTEGER)")
    big.executemany("INSERT INTO age VALUES (?, 0)", ((i,) for i in range(10_000)))
    sql, stop = "SELECT i, n, 'row ' || i FROM age ORDER BY i", []

    def write():
        commits = 0
        while not stop:
            big.execute("UPDATE age SET n = n + 1", timeout=WAIT)
            commits += 1
        return commits

    def read():
        newest = 0
        for _ in range(5):
            least = big.query_one("SELECT n FROM age WHERE i = 0", timeout=WAIT)[0]
            with big.iterate(sql, timeout=WAIT) as cursor:
                rows = list(cursor)
            ages = {n for _, n, _ in rows}
            assert [i for i, _, _ in rows] == list(range(10_000))
            assert len(ages) == 1, "rows of several commits in one result"
            assert min(ages) >= least >= newest, "an older commit than one seen before"
            newest = ages.pop()

    writer = Thread(write)
    readers = [Thread(read) for _ in range(threads)]
    try:
        for reader in readers:
            reader.join(WAIT)
            reader.result()
    finally:
        stop.append(1)
    commits = writer.result()
    assert big.query_one("SELECT n FROM age LIMIT 1") == (commits,)


@pytest.mark.parametrize("rows", [1, 2, 15, 16, 17, 100, 1000, 10_000, ROWS - 1])
def test_large__may_end_after_any_row(path, rows):
    with walpool.open(path, readers=1) as db:
        db.script(MAKE)
        with db.iterate(SQL) as cursor:
            assert [row[0] for row in islice(cursor, rows)] == list(range(1, rows + 1))
        assert db.query_one("SELECT 1", timeout=0) == (1,)
        for _ in islice(db.iterate(SQL), rows):
            pass  # forgotten, not closed
        assert db.query_one("SELECT 1", timeout=0) == (1,)
        assert db.health().readers_open == 1
