"""Writes: execute, executemany, script, batch."""

from __future__ import annotations

import pytest
from conftest import Thread, await_that

import walpool


@pytest.fixture
def db(db):
    db.script("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)")
    return db


def rows(db):
    return db.query("SELECT id, a, b FROM t ORDER BY id")


def count(db):
    return db.query_one("SELECT count(*) FROM t")[0]


def test_execute__says_what_it_did(db):
    result = db.execute("INSERT INTO t (a) VALUES (?), (?)", (1, 2))
    assert result == walpool.Result(changes=2, last_rowid=2, rows=[], columns=())
    assert db.execute("UPDATE t SET b = 5 WHERE a > 0").changes == 2
    assert db.execute("DELETE FROM t WHERE a = 9").changes == 0


def test_execute__gives_the_rows_of_returning(db):
    result = db.execute("INSERT INTO t (a) VALUES ('x'), ('y') RETURNING id, a")
    assert result.rows == [(1, "x"), (2, "y")]
    assert result.columns == ("id", "a")
    result = db.execute("DELETE FROM t RETURNING a", row=dict)
    assert result.rows == [{"a": "x"}, {"a": "y"}]
    assert result.changes == 2


def test_execute__gives_many_rows_of_returning(db):
    sql = (
        "INSERT INTO t (a) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000)"
        " SELECT 'row ' || i FROM n RETURNING id, a"
    )
    result = db.execute(sql)
    assert len(result.rows) == result.changes == 50000
    assert result.rows[-1] == (50000, "row 50000")
    with db.write() as w:
        assert len(w.execute(sql).rows) == 50000


def test_execute__undoes_what_fails(db):
    db.execute("INSERT INTO t VALUES (1, 1, 1)")
    with pytest.raises(walpool.ConstraintError) as caught:
        db.execute("INSERT INTO t VALUES (2, 2, 2), (1, 1, 1)")
    assert caught.value.sqlite_code_name == "SQLITE_CONSTRAINT_PRIMARYKEY"
    assert caught.value.sqlite_code == 1555
    assert caught.value.outcome == "not_applied"
    assert rows(db) == [(1, 1, 1)]


def test_executemany__takes_any_iterable(db):
    sql = "INSERT INTO t (a, b) VALUES (?, ?)"
    assert db.executemany(sql, [(1, "a"), [2, "b"]]).changes == 2
    assert db.executemany(sql, ((i, str(i)) for i in range(3))).changes == 3
    assert db.executemany(sql, zip(range(4), "abcd")).changes == 4
    assert db.executemany(sql, {(5, 6): None}).changes == 1
    assert count(db) == 10


def test_executemany__takes_mappings(db):
    sql = "INSERT INTO t (a, b) VALUES (:a, :b)"
    assert db.executemany(sql, [{"a": 1, "b": 2}, {"b": 4, "a": 3, "surplus": 5}]).changes == 2
    assert rows(db) == [(1, 1, 2), (2, 3, 4)]


def test_executemany__of_nothing_changes_nothing(db):
    for nothing in ([], iter(()), (row for row in ())):
        assert db.executemany("INSERT INTO t (a) VALUES (?)", nothing).changes == 0
    assert count(db) == 0


def test_executemany__of_more_than_a_chunk_is_one_transaction(db):
    before = db.health().writes
    text = "some text that fills the chunks"
    result = db.executemany("INSERT INTO t (a, b) VALUES (?, ?)", ((i, text) for i in range(100_000)))
    assert result.changes == 100_000
    assert result.last_rowid == 100_000
    assert db.health().writes == before + 1
    assert db.query("SELECT count(*), sum(a), min(b), max(b) FROM t") == [(100_000, 4_999_950_000, text, text)]


def test_executemany__takes_rows_larger_than_a_chunk(db):
    blob = bytes(3_000_000)
    assert db.executemany("INSERT INTO t (a) VALUES (?)", ((blob,) for _ in range(5))).changes == 5
    assert db.query("SELECT sum(length(a)) FROM t") == [(15_000_000,)]


def test_executemany__collects_the_rows_of_returning(db):
    result = db.executemany("INSERT INTO t (a) VALUES (?) RETURNING id", ((i,) for i in range(70_000)))
    assert [row[0] for row in result.rows] == list(range(1, 70_001))
    assert result.columns == ("id",)


@pytest.mark.parametrize("good", [0, 1, 1000, 100_000])
def test_executemany__undoes_all_when_its_generator_raises(db, good):
    def source():
        for i in range(good):
            yield (i,)
        raise LookupError("the source ran dry")

    with pytest.raises(LookupError, match="ran dry"):
        db.executemany("INSERT INTO t (a) VALUES (?)", source())
    assert count(db) == 0
    health = db.health()
    assert (health.writer_leased, health.dirty_leases) == (0, 0)


@pytest.mark.parametrize("good", [1, 100_000])
@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ((1, 2), walpool.ParamError),
        (("x", object()), walpool.ParamError),
        ("text", walpool.ParamError),
        (None, walpool.ParamError),
        ({"a": 1}, walpool.ParamError),
        ((1,), walpool.ConstraintError),
    ],
)
def test_executemany__undoes_all_when_a_row_is_bad(db, good, bad, error):
    def source():
        yield from ((i,) for i in range(good))
        yield bad if error is walpool.ParamError else (0,)

    db.script("CREATE UNIQUE INDEX only_once ON t (a)")
    with pytest.raises(error):
        db.executemany("INSERT INTO t (a) VALUES (?)", source())
    assert count(db) == 0


def test_executemany__names_the_bad_row(db):
    sql = "INSERT INTO t (a) VALUES (?)"
    with pytest.raises(walpool.ParamError, match="parameter 1 of row 3 is of type object"):
        db.executemany(sql, [(1,), (2,), (object(),)])
    with pytest.raises(walpool.ParamError, match="row 2 of the parameters has 2 values and the first one 1"):
        db.executemany(sql, [(1,), (2, 3)])
    with pytest.raises(walpool.ParamError, match='row 2 of the parameters lacks "a"'):
        db.executemany("INSERT INTO t (a) VALUES (:a)", [{"a": 1}, {"b": 1}])
    with pytest.raises(walpool.ParamError, match="row 2 of the parameters is a sequence and the first one a mapping"):
        db.executemany("INSERT INTO t (a) VALUES (:a)", [{"a": 1}, (1,)])
    with pytest.raises(walpool.MisuseError, match="rows is of type int"):
        db.executemany(sql, 5)


def test_executemany__lets_its_generator_read(db):
    db.executemany("INSERT INTO t (a) VALUES (?)", ((i,) for i in range(60_000)))
    result = db.executemany("INSERT INTO t (b) VALUES (?)", db.iterate("SELECT a FROM t"))
    assert result.changes == 60_000
    assert count(db) == 120_000


def test_executemany__stops_a_generator_that_would_wait_for_itself(db):
    def source():
        for i in range(100_000):
            yield (i,)
        db.execute("INSERT INTO t (a) VALUES (-1)")

    with pytest.raises(walpool.DeadlockError):
        db.executemany("INSERT INTO t (a) VALUES (?)", source())
    assert count(db) == 0


def test_executemany__is_nested_in_the_transaction_of_a_writer(db):
    def source():
        yield from ((i,) for i in range(100_000))
        raise LookupError

    with db.write() as w:
        w.execute("INSERT INTO t (a) VALUES (-1)")
        with pytest.raises(LookupError):
            w.executemany("INSERT INTO t (a) VALUES (?)", source())
        assert w.executemany("INSERT INTO t (a) VALUES (?)", [(-2,), (-3,)]).changes == 2
        assert w.executemany("INSERT INTO t (a) VALUES (?)", ((i,) for i in range(50_000))).changes == 50_000
    assert count(db) == 50_003


def test_executemany__keeps_one_deadline(db):
    def source():
        for i in range(10_000_000):
            yield (i,)

    with pytest.raises(walpool.TimeoutError):
        db.executemany("INSERT INTO t (a) VALUES (?)", source(), timeout=0.2)
    assert count(db) == 0


def test_script__applies_all_or_nothing(db):
    db.script("INSERT INTO t VALUES (1, 'x;y', 2); -- a comment\nINSERT INTO t VALUES (2, 3, 4);")
    assert count(db) == 2
    with pytest.raises(walpool.SqlError):
        db.script("DELETE FROM t; INSERT INTO nowhere VALUES (1)")
    assert count(db) == 2
    db.script("")


def test_script__runs_on_a_writer(db):
    with db.write() as w:
        w.script("INSERT INTO t (a) VALUES (1); INSERT INTO t (a) VALUES (2)")
        assert count(w) == 2
        assert count(db) == 0
    assert count(db) == 2


def test_batch__runs_statements_of_every_form(db):
    results = db.batch(
        [
            "INSERT INTO t (a) VALUES (1)",
            ("INSERT INTO t (a, b) VALUES (?, ?)", (2, "two")),
            ("UPDATE t SET b = :b WHERE a = 1 RETURNING id, b", {"b": "one"}),
            walpool.Many("INSERT INTO t (a) VALUES (?) RETURNING a", ((i,) for i in (3, 4))),
            "DELETE FROM t WHERE a = 4",
        ]
    )
    assert [result.changes for result in results] == [1, 1, 1, 2, 1]
    assert results[2].rows == [(1, "one")]
    assert results[2].columns == ("id", "b")
    assert results[3].rows == [(3,), (4,)]
    assert results[4] == walpool.Result(1, results[4].last_rowid, [], ())
    assert rows(db) == [(1, 1, "one"), (2, 2, "two"), (3, 3, None)]


def test_batch__applies_all_or_nothing_and_says_which_failed(db):
    with pytest.raises(walpool.SqlError) as caught:
        db.batch(["INSERT INTO t (a) VALUES (1)", "INSERT INTO nowhere VALUES (1)"])
    assert caught.value.statement == 1
    assert caught.value.outcome == "not_applied"
    with pytest.raises(LookupError):
        db.batch(["INSERT INTO t (a) VALUES (1)", walpool.Many("INSERT INTO t (a) VALUES (?)", ({}[0] for _ in "a"))])
    assert count(db) == 0


@pytest.mark.parametrize("item", [5, None, ("SELECT 1",), ("SELECT 1", (), 3), ["SELECT 1", ()]])
def test_batch__refuses_items_of_another_form(db, item):
    with pytest.raises(walpool.MisuseError, match="statement 1 of the batch is of type") as caught:
        db.batch(["DELETE FROM t", item])
    assert caught.value.statement == 1


@pytest.mark.parametrize("bad", [("INSERT INTO t (a) VALUES (?)", (object(),)), (5, ()), walpool.Many("DELETE FROM t", [5])])
def test_batch__says_which_statement_has_bad_parameters(db, bad):
    with pytest.raises(walpool.WalpoolError) as caught:
        db.batch(["DELETE FROM t", "DELETE FROM t", bad])
    assert caught.value.statement == 2


def test_batch__of_no_statement_is_an_error(db):
    with pytest.raises(walpool.MisuseError):
        db.batch([])


@pytest.mark.parametrize("statements", ["DELETE FROM t", b"DELETE FROM t", None, 5])
def test_batch__takes_a_list_of_statements_only(db, statements):
    with pytest.raises(walpool.MisuseError, match="the statements are of type"):
        db.batch(statements)


def test_batch__takes_any_iterable_and_runs_nothing_when_it_raises(db):
    def source():
        yield "INSERT INTO t (a) VALUES (1)"
        raise LookupError

    assert len(db.batch(iter(["INSERT INTO t (a) VALUES (1)"] * 2))) == 2
    with pytest.raises(LookupError):
        db.batch(source())
    assert count(db) == 2


def test_execute__waits_for_its_turn_without_the_gil(db):
    with db.write(why="first") as w:
        other = Thread(lambda: db.execute("INSERT INTO t (a) VALUES (2)", timeout=60))
        await_that(lambda: db.health().writer_waiters == 1)
        w.execute("INSERT INTO t (a) VALUES (1)")
    assert other.result().changes == 1
    assert rows(db) == [(1, 1, None), (2, 2, None)]
