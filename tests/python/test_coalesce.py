"""Small writes of many threads that share a transaction."""

from __future__ import annotations

import pytest
from conftest import Thread, await_that

import walpool

ADD = "INSERT INTO t (a) VALUES (?) RETURNING id, a"


@pytest.fixture
def db(path):
    with walpool.open(path, coalesce=1) as db:
        db.script("CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE)")
        yield db


def values(db):
    return [row[0] for row in db.query("SELECT a FROM t ORDER BY a")]


def side_by_side(db, calls):
    """Make the calls wait for the writer together, in this order."""
    threads = []
    with db.write(why="holder") as w:
        for call in calls:
            threads.append(Thread(call))
            await_that(lambda: db.health().writer_waiters == len(threads))
        w.rollback()
    return threads


def test_coalesce__gives_each_thread_its_own_answer(db):
    before = db.health()
    calls = [lambda i=i: db.execute(ADD, (f"value {i}",), row=lambda id, a: (a, id)) for i in range(8)]
    answers = [thread.result() for thread in side_by_side(db, calls)]
    assert [answer.rows for answer in answers] == [[(f"value {i}", i + 1)] for i in range(8)]
    assert [answer.columns for answer in answers] == [("id", "a")] * 8
    after = db.health()
    assert (after.writes - before.writes, after.coalesced - before.coalesced) == (1, 8)


def test_coalesce__undoes_what_fails_alone(db):
    db.execute(ADD, ("taken",))
    calls = [
        lambda: db.execute(ADD, ("first",)).changes,
        lambda: db.execute("INSERT INTO t (a) VALUES ('other'), ('taken')"),
        lambda: db.execute("UPDATE t SET a = a || '!' WHERE a = 'first'", expect=1).changes,
        lambda: db.execute("DELETE FROM t", expect=1),
        lambda: db.executemany("INSERT INTO t (a) VALUES (?)", [(1,), (2,)]).changes,
        lambda: db.execute("INSERT INTO nowhere VALUES (1)"),
    ]
    threads = side_by_side(db, calls)
    for index, error in ((1, walpool.ConstraintError), (3, walpool.MismatchError), (5, walpool.SqlError)):
        with pytest.raises(error) as caught:
            threads[index].result()
        assert caught.value.outcome == "not_applied"
    assert [threads[index].result() for index in (0, 2, 4)] == [1, 1, 2]
    assert values(db) == [1, 2, "first!", "taken"]


def test_coalesce__cancels_one_alone(db):
    token = walpool.Token()
    with db.write(why="holder") as w:
        one = Thread(lambda: db.execute(ADD, (1,), timeout=60, token=token))
        other = Thread(lambda: db.execute(ADD, (2,), timeout=60).changes)
        await_that(lambda: db.health().writer_waiters == 2)
        token.cancel()
        with pytest.raises(walpool.CancelledError) as caught:
            one.result()
        assert caught.value.outcome == "not_applied"
        w.rollback()
    assert other.result() == 1
    assert values(db) == [2]


def test_coalesce__keeps_to_the_durability_of_each(db):
    before = db.health()
    calls = [lambda i=i: db.execute(ADD, (i,), durability="full" if i == 2 else "normal") for i in range(4)]
    for thread in side_by_side(db, calls):
        thread.result()
    assert db.health().syncs == before.syncs + 1
    assert values(db) == [0, 1, 2, 3]


def test_coalesce__of_many_threads_loses_and_doubles_nothing(path):
    with walpool.open(path, coalesce=0.002) as db:
        db.script("CREATE TABLE t (thread, number, UNIQUE (thread, number)); CREATE TABLE sum (n); INSERT INTO sum VALUES (0)")

        def work(me):
            refused = 0
            for number in range(100):
                db.execute("INSERT INTO t VALUES (?, ?)", (me, number), expect=1)
                db.execute("UPDATE sum SET n = n + ?", (number,), expect=1)
                try:
                    db.execute("INSERT INTO t VALUES (?, ?)", (me, number))
                except walpool.ConstraintError:
                    refused += 1
                assert db.query_one("SELECT count(*) FROM t WHERE thread = ?", (me,)) == (number + 1,)
            return refused

        threads = [Thread(lambda me=me: work(me)) for me in range(6)]
        assert [thread.result() for thread in threads] == [100] * 6
        assert db.query("SELECT count(*), sum(number), n FROM t, sum") == [(600, 6 * 4950, 6 * 4950)]
