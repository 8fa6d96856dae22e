"""Queries: rows, factories, one row, iteration."""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from conftest import ENDLESS, await_that

import walpool

COUNTING = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {})"
    " SELECT i, 'row ' || i AS name FROM n"
)


class Pair(NamedTuple):
    i: int
    name: str


@dataclass
class Item:
    i: int
    name: str


def test_query__gives_tuples(users):
    assert users.query("SELECT id, name FROM user ORDER BY id") == [(1, "Ada"), (2, "Grace")]
    assert users.query("SELECT id FROM user WHERE id > 9") == []


def test_query__gives_what_the_factory_makes(db):
    sql = COUNTING.format(2)
    assert db.query(sql, row=dict) == [{"i": 1, "name": "row 1"}, {"i": 2, "name": "row 2"}]
    assert db.query(sql, row=Pair) == [Pair(1, "row 1"), Pair(2, "row 2")]
    assert db.query(sql, row=Item) == [Item(1, "row 1"), Item(2, "row 2")]
    assert db.query(sql, row=SimpleNamespace)[1].name == "row 2"
    assert db.query(sql, row=lambda i, **rest: i) == [1, 2]


def test_query__knows_the_columns_of_a_statement_that_it_has_seen(db):
    for _ in range(3):
        assert db.query_one("SELECT 1 AS a, 2 AS b", row=dict) == {"a": 1, "b": 2}


def test_query__sees_that_the_columns_of_a_statement_have_changed(db):
    db.execute("CREATE TABLE t (a)")
    db.execute("INSERT INTO t VALUES (1)")
    assert db.query("SELECT * FROM t", row=dict) == [{"a": 1}]
    db.execute("ALTER TABLE t RENAME COLUMN a TO b")
    db.execute("ALTER TABLE t ADD COLUMN c")
    assert db.query("SELECT * FROM t", row=dict) == [{"b": 1, "c": None}]


def test_query__remembers_the_columns_of_a_bounded_number_of_statements(db):
    for i in range(1200):
        assert db.query_one(f"SELECT {i} AS a", row=dict) == {"a": i}
    assert len(db._known) <= 500


def test_query__takes_the_last_of_columns_with_one_name_into_a_dict(db):
    assert db.query("SELECT 1 AS a, 2 AS a", row=dict) == [{"a": 2}]


def test_query__passes_on_what_the_factory_raises(db):
    def factory(**columns):
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        db.query(COUNTING.format(100000), row=factory)
    with pytest.raises(TypeError):
        db.query("SELECT 1 AS a", row=lambda: None)
    with pytest.raises(TypeError):
        db.query("SELECT 1 AS a", row=42)
    assert db.health().readers_leased == 0


def test_query__lets_a_factory_query(db):
    def factory(i, name):
        return i, db.query_one("SELECT ?", (name,))[0]

    rows = db.query(COUNTING.format(3000), row=factory)
    assert rows[-1] == (3000, "row 3000")
    assert len(rows) == 3000


def test_query__of_many_rows_comes_whole(db):
    rows = db.query(COUNTING.format(50000))
    assert len(rows) == 50000
    assert rows[0] == (1, "row 1")
    assert rows[-1] == (50000, "row 50000")
    assert db.health().readers_leased == 0


def test_query__of_many_columns_comes_whole(db):
    columns = ", ".join(f"{i} AS a_rather_long_name_for_a_column_{i}" for i in range(2000))
    assert db.query(f"SELECT {columns}") == [tuple(range(2000))]
    assert len(db.query_one(f"SELECT {columns}", row=dict)) == 2000
    with db.iterate(f"SELECT {columns} UNION ALL SELECT {columns}") as cursor:
        assert [len(row) for row in cursor] == [2000, 2000]
        assert cursor.columns[7] == "a_rather_long_name_for_a_column_7"


def test_query__gives_rows_that_the_collector_need_not_walk(db):
    rows = db.query("SELECT 1, 'a', 2.5")
    assert not gc.is_tracked(rows[0])
    assert gc.isenabled()


def test_query__leaves_the_collector_as_it_was(db):
    gc.disable()
    try:
        db.query(COUNTING.format(10))
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_query__loses_no_reference(db):
    text, params = "a text that nobody else has", ("x" * 50, 12345678901, 1.5)
    sql = f"SELECT ?, ?, ?, '{text}' AS b"
    counts = []
    for _ in range(3):
        for _ in range(100):
            db.query(sql, params)
            db.query(sql, params, row=dict)
            db.query_one(sql, list(params), why="counting")
            list(db.iterate(sql, params))
        counts.append([sys.getrefcount(thing) for thing in (sql, params, *params, None)][:5])
    assert counts[1] == counts[2]


def test_query_one__gives_the_first_row_or_none(users):
    assert users.query_one("SELECT id FROM user ORDER BY id") == (1,)
    assert users.query_one("SELECT id FROM user WHERE id = 9") is None
    assert users.query_one("SELECT id FROM user", row=dict) == {"id": 1}


def test_query_one__stops_after_the_first_row(db):
    assert db.query_one(ENDLESS.format("i, zeroblob(100000)")) == (1, bytes(100000))
    assert db.health().readers_leased == 0


def test_cursor__fetches_as_it_goes(db):
    with db.iterate(ENDLESS.format("i"), timeout=60) as cursor:
        assert next(cursor) == (1,)
        assert [next(cursor)[0] for _ in range(20000)] == list(range(2, 20002))
        assert db.health().readers_leased == 1
    assert db.health().readers_leased == 0


def test_cursor__comes_to_an_end_and_stays_there(db):
    cursor = db.iterate(COUNTING.format(20000))
    assert cursor.columns == ("i", "name")
    assert [row[0] for row in cursor] == list(range(1, 20001))
    assert db.health().readers_leased == 0
    assert list(cursor) == []
    cursor.close()


def test_cursor__of_few_rows_keeps_no_reader(db):
    cursor = db.iterate("SELECT 1 UNION ALL SELECT 2")
    assert db.health().readers_leased == 0
    assert list(cursor) == [(1,), (2,)]


def test_cursor__gives_its_reader_back_when_it_is_closed(db):
    cursor = db.iterate(COUNTING.format(50000))
    next(cursor)
    cursor.close()
    cursor.close()
    assert db.health().readers_leased == 0
    for _ in range(2):
        with pytest.raises(walpool.ClosedError, match="cursor was closed"):
            next(cursor)


def test_cursor__gives_its_reader_back_when_its_block_raises(db):
    with pytest.raises(ZeroDivisionError):
        with db.iterate(COUNTING.format(50000)) as cursor:
            next(cursor)
            raise ZeroDivisionError
    assert db.health().readers_leased == 0


def test_cursor__gives_its_reader_back_when_it_is_collected(db):
    for row in db.iterate(COUNTING.format(50000)):
        break
    await_that(lambda: db.health().readers_leased == 0)


def test_cursor__ends_when_its_factory_raises(db):
    def factory(i, name):
        if i == 30000:
            raise LookupError(name)
        return i

    cursor = db.iterate(COUNTING.format(50000), row=factory)
    with pytest.raises(LookupError, match="row 30000"):
        list(cursor)
    assert db.health().readers_leased == 0
    assert list(cursor) == []


def test_cursor__ends_with_its_lease(db):
    with db.read() as r:
        cursor = r.iterate(COUNTING.format(50000))
        next(cursor)
    with pytest.raises(walpool.ClosedError):
        list(cursor)


def test_cursor__is_an_iterator_and_shows_its_state(db):
    cursor = db.iterate("SELECT 1")
    assert iter(cursor) is cursor
    assert repr(cursor) == "<walpool.Cursor open>"
    cursor.close()
    assert repr(cursor) == "<walpool.Cursor closed>"


def test_cursor__makes_rows_of_later_blocks_by_the_same_factory(db):
    rows = list(db.iterate(COUNTING.format(20000), row=Pair))
    assert rows[-1] == Pair(20000, "row 20000")
    assert {type(row) for row in rows} == {Pair}
