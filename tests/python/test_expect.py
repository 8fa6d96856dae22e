"""Rows expected: by a statement, of a batch, on a writer."""

from __future__ import annotations

import pytest

import walpool

BAD = [
    (-1, "expect is -1: give the rows to be changed"),
    (-(2**63), "expect is -9223372036854775808"),
    (2**63, "outside of 64 bits"),
    (-(2**20000), "outside of 64 bits"),
    (1.0, "expect is of type float"),
    (float("nan"), "expect is of type float"),
    ("1", "expect is of type str"),
    (True, "expect is of type bool"),
    ([1], "expect is of type list"),
]


@pytest.fixture
def db(db):
    db.script("CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t (a) VALUES (1), (2), (3)")
    return db


def values(source):
    return [row[0] for row in source.query("SELECT a FROM t ORDER BY id")]


def test_execute__is_applied_when_it_changes_as_many_rows_as_expected(db):
    assert db.execute("UPDATE t SET a = 5 WHERE id > ?", (1,), expect=2).changes == 2
    assert db.execute("DELETE FROM t WHERE id = 9", expect=0).changes == 0
    result = db.execute("DELETE FROM t WHERE id = 1 RETURNING a", expect=1, row=dict)
    assert (result.changes, result.rows) == (1, [{"a": 1}])
    assert values(db) == [5, 5]


@pytest.mark.parametrize("expect", [0, 1, 2, 4, 2**63 - 1])
def test_execute__is_undone_when_it_changes_another_number(db, expect):
    before = db.health()
    with pytest.raises(walpool.MismatchError, match="changed 3 rows") as caught:
        db.execute("UPDATE t SET a = 0", expect=expect)
    assert caught.value.outcome == "not_applied"
    assert caught.value.status == "WALPOOL_MISMATCH"
    assert values(db) == [1, 2, 3]
    after = db.health()
    assert (after.writes, after.writer_leased) == (before.writes, 0)
    assert db.execute("UPDATE t SET a = 0").changes == 3  # the next one expects nothing


@pytest.mark.parametrize(("expect", "said"), BAD, ids=range(len(BAD)))
def test_expect__that_is_no_number_of_rows_is_refused_before_anything_runs(db, expect, said):
    before = db.health()
    calls = (
        lambda: db.execute("DELETE FROM t", expect=expect),
        lambda: db.executemany("DELETE FROM t WHERE id = ?", [(1,)], expect=expect),
        lambda: db.executemany("DELETE FROM t WHERE id = ?", [], expect=expect),
        lambda: db.batch([walpool.Statement("DELETE FROM t", expect=expect)]),
    )
    for call in calls:
        with pytest.raises(walpool.MisuseError, match=said) as caught:
            call()
        assert caught.value.outcome == "not_applied"
    after = db.health()
    assert values(db) == [1, 2, 3]
    assert (after.writes, after.errors) == (before.writes, before.errors)
    with db.write() as w:
        for on_writer in (
            lambda: w.execute("DELETE FROM t", expect=expect),
            lambda: w.executemany("DELETE FROM t WHERE id = ?", [(1,)], expect=expect),
        ):
            with pytest.raises(walpool.MisuseError, match=said):
                on_writer()
    assert values(db) == [1, 2, 3]


def test_expect__of_a_statement_that_only_reads_is_refused(db):
    with pytest.raises(walpool.MisuseError, match="only reads"):
        db.execute("SELECT a FROM t", expect=3)
    with db.write() as w, pytest.raises(walpool.MisuseError, match="only reads"):
        w.execute("SELECT a FROM t", expect=3)


@pytest.mark.parametrize("last", [0, 99])
def test_executemany__counts_all_rows_together(db, last):
    sql = "UPDATE t SET a = a + 10 WHERE id = :id"
    rows = [{"id": id} for id in (1, 2, last)]
    with pytest.raises(walpool.MismatchError, match="changed 2 rows, 3 were expected"):
        db.executemany(sql, iter(rows), expect=3)
    assert values(db) == [1, 2, 3]
    assert db.executemany(sql, iter(rows), expect=2).changes == 2
    assert values(db) == [11, 12, 3]


def test_executemany__of_more_than_a_chunk_counts_all_rows_together(db):
    sql, count = "INSERT INTO t (a) VALUES (?)", 100_000
    with pytest.raises(walpool.MismatchError, match="changed 100000 rows"):
        db.executemany(sql, ((i,) for i in range(count)), expect=count + 1)
    assert len(values(db)) == 3
    assert db.executemany(sql, ((i,) for i in range(count)), expect=count).changes == count
    with db.write() as w:
        with pytest.raises(walpool.MismatchError):
            w.executemany(sql, ((i,) for i in range(count)), expect=1)
        assert w.executemany(sql, ((i,) for i in range(count)), expect=count).changes == count
    assert len(values(db)) == 3 + 2 * count


def test_executemany__of_nothing_changes_nothing_as_expected_or_not(db):
    sql = "DELETE FROM t WHERE id = ?"
    assert db.executemany(sql, [], expect=0) == walpool.Result(0, 3, [], ())
    with pytest.raises(walpool.MismatchError, match="changed 0 rows, 1 was expected"):
        db.executemany(sql, iter(()), expect=1)
    with db.write() as w:
        assert w.executemany(sql, [], expect=0).changes == 0
        with pytest.raises(walpool.MismatchError):
            w.executemany(sql, [], expect=1)
    assert values(db) == [1, 2, 3]


def test_executemany__runs_nothing_when_its_generator_raises(db):
    def source():
        yield (1,)
        raise LookupError

    before = db.health()
    with pytest.raises(LookupError):
        db.executemany("DELETE FROM t WHERE id = ?", source(), expect=1)
    after = db.health()
    assert (after.writes, after.rollbacks) == (before.writes, before.rollbacks)
    assert values(db) == [1, 2, 3]


def test_batch__is_applied_when_each_statement_does_as_expected(db):
    results = db.batch(
        [
            walpool.Statement("UPDATE t SET a = a - ? WHERE id = 1", (1,), 1),
            walpool.Statement("UPDATE t SET a = a + :n WHERE id = 2", {"n": 1}, expect=1),
            walpool.Many("DELETE FROM t WHERE id = ?", ((i,) for i in (3, 4)), expect=1),
            walpool.Statement("INSERT INTO t (a) VALUES (9)"),
        ]
    )
    assert [result.changes for result in results] == [1, 1, 1, 1]
    assert values(db) == [0, 3, 9]


@pytest.mark.parametrize(
    "wrong",
    [
        walpool.Statement("DELETE FROM t WHERE id = 9", expect=1),
        walpool.Statement("DELETE FROM t", expect=0),
        walpool.Many("DELETE FROM t WHERE id = ?", [(1,), (2,)], 1),
        walpool.Many("DELETE FROM t WHERE id = ?", [], 1),
    ],
)
def test_batch__is_undone_and_names_the_statement_that_missed(db, wrong):
    with pytest.raises(walpool.MismatchError) as caught:
        db.batch(["DELETE FROM t WHERE id = 3", wrong, "DELETE FROM t"])
    assert caught.value.statement == 1
    assert caught.value.outcome == "not_applied"
    assert values(db) == [1, 2, 3]


def test_batch__names_the_statement_that_expects_nonsense(db):
    with pytest.raises(walpool.MisuseError, match="expect is -5") as caught:
        db.batch(["DELETE FROM t", walpool.Statement("DELETE FROM t", (), -5)])
    assert caught.value.statement == 1
    assert values(db) == [1, 2, 3]


def test_writer__undoes_only_the_statement_that_missed(db):
    with db.write() as w:
        w.execute("DELETE FROM t WHERE id = 1", expect=1)
        with pytest.raises(walpool.MismatchError) as caught:
            w.execute("DELETE FROM t", expect=1)
        assert caught.value.outcome == "not_applied"
        with w.savepoint():
            w.execute("INSERT INTO t (a) VALUES (4)", expect=1)
        with pytest.raises(walpool.MismatchError), w.savepoint():
            w.execute("INSERT INTO t (a) VALUES (5)")
            w.execute("DELETE FROM t", expect=0)
    assert values(db) == [2, 3, 4]


def test_writer__that_lets_a_mismatch_pass_rolls_back(db):
    with pytest.raises(walpool.MismatchError):
        with db.write() as w:
            w.execute("DELETE FROM t WHERE id = 1", expect=1)
            w.execute("DELETE FROM t", expect=1)
    assert values(db) == [1, 2, 3]
