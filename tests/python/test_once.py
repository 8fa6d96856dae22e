"""Keys that make a write again apply once."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from conftest import Thread, await_that

import walpool

ADD = "INSERT INTO t (a) VALUES (?) RETURNING id, a"
BAD = [
    ("", "once_key has 0 bytes; pass 1 to 255"),
    (b"", "once_key has 0 bytes"),
    ("x" * 256, "once_key has 256 bytes"),
    ("ü" * 128, "once_key has 256 bytes"),
    (b"x" * 10_000_000, "once_key has 10000000 bytes"),
    (5, "once_key is of type int; pass str or bytes"),
    (1.5, "once_key is of type float"),
    (True, "once_key is of type bool"),
    (bytearray(b"x"), "once_key is of type bytearray"),
    (memoryview(b"x"), "once_key is of type memoryview"),
    (("a", "b"), "once_key is of type tuple"),
    (object(), "once_key is of type object"),
]


@pytest.fixture
def db(db):
    db.script("CREATE TABLE t (id INTEGER PRIMARY KEY, a)")
    return db


def values(source):
    return [row[0] for row in source.query("SELECT a FROM t ORDER BY id")]


def writes(db, key):
    """One call of every kind that takes a key."""
    yield lambda: db.execute(ADD, ("x",), once_key=key)
    yield lambda: db.executemany(ADD, ((i,) for i in range(3)), once_key=key)
    yield lambda: db.script("INSERT INTO t (a) VALUES (1); UPDATE t SET a = a + 1", once_key=key)
    yield lambda: db.batch(
        [
            (ADD, ("y",)),
            walpool.Many("DELETE FROM t WHERE id = ? RETURNING a", [(1,), (2,)]),
            walpool.Statement("UPDATE t SET a = 1 WHERE id = 9", expect=0),
        ],
        once_key=key,
    )


@pytest.mark.parametrize("kind", range(4))
def test_once_key__gives_the_answer_of_the_first_call_and_applies_no_second(db, kind):
    def call():
        return list(writes(db, "order 7"))[kind]()

    db.execute("INSERT INTO t (a) VALUES (0)")
    first, after = call(), values(db)
    before = db.health()
    db.execute("INSERT INTO t (a) VALUES (-1)")
    for _ in range(3):
        assert call() == first
    assert values(db) == [*after, -1]
    health = db.health()
    assert health.once_replays == before.once_replays + 3
    assert health.errors == before.errors


def test_once_key__is_text_or_bytes(db):
    first = db.execute(ADD, (1,), once_key="größe")
    assert db.execute(ADD, (1,), once_key="größe".encode()) == first
    others = ("grösse", "größe ", "größe\0", b"\0", b"\xff" * 255, "x" * 255)
    for key in others:
        db.execute(ADD, (1,), once_key=key)
    for key in others:
        db.execute(ADD, (1,), once_key=key)
    assert values(db) == [1] * (1 + len(others))
    assert db.execute(ADD, (1,), once_key=None) != db.execute(ADD, (1,), once_key=None)


@pytest.mark.parametrize(("key", "said"), BAD, ids=range(len(BAD)))
def test_once_key__of_another_kind_is_refused_before_anything_runs(db, key, said):
    before = db.health()
    for call in (*writes(db, key), lambda: db.executemany(ADD, [], once_key=key)):
        with pytest.raises(walpool.MisuseError, match=said) as caught:
            call()
        assert caught.value.outcome == "not_applied"
    after = db.health()
    assert (after.writes, after.errors) == (before.writes, before.errors)


def test_once_key__with_a_lone_surrogate_is_no_utf8(db):
    for call in writes(db, "order \ud800"):
        with pytest.raises(walpool.EncodingError, match="once_key holds a lone surrogate"):
            call()
    assert values(db) == []


def test_once_key__of_another_call_is_misuse(db):
    db.execute(ADD, (1,), once_key="secret key")
    for call in (
        lambda: db.execute(ADD, (2,), once_key="secret key"),
        lambda: db.execute(ADD, (1.0,), once_key="secret key"),
        lambda: db.execute(ADD, (1,), expect=1, once_key="secret key"),
        lambda: db.execute("DELETE FROM t", once_key="secret key"),
        lambda: db.batch([(ADD, (1,)), (ADD, (1,))], once_key="secret key"),
    ):
        with pytest.raises(walpool.MisuseError, match="once_key was used") as caught:
            call()
        assert caught.value.outcome == "not_applied"
        assert "secret" not in str(caught.value)
    assert values(db) == [1]


def test_once_key__stays_free_when_the_call_fails(db):
    db.script("CREATE UNIQUE INDEX only_once ON t (a); INSERT INTO t (a) VALUES (1)")
    with pytest.raises(walpool.ConstraintError):
        db.execute(ADD, (1,), once_key="k")
    with pytest.raises(walpool.MismatchError):
        db.execute(ADD, (2,), expect=2, once_key="k")
    with pytest.raises(walpool.ParamError):
        db.execute(ADD, (object(),), once_key="k")
    with db.write(why="holder"), pytest.raises(walpool.DeadlockError):
        db.execute(ADD, (2,), once_key="k")
    assert db.execute(ADD, (2,), once_key="k").rows == [(2, 2)]
    assert values(db) == [1, 2]


def test_executemany__of_more_than_a_chunk_goes_over_at_once(db):
    def rows():
        return ((f"some text that fills the chunks, {i}",) for i in range(50_000))

    before = db.health().writes
    first = db.executemany("INSERT INTO t (a) VALUES (?)", rows(), once_key="rows")
    assert first.changes == 50_000
    assert db.executemany("INSERT INTO t (a) VALUES (?)", rows(), once_key="rows") == first
    assert db.health().writes <= before + 2
    assert db.query("SELECT count(*) FROM t") == [(50_000,)]


@pytest.mark.parametrize("good", [0, 1, 100_000])
def test_executemany__leaves_its_key_free_when_its_generator_raises(db, good):
    def broken():
        yield from ((i,) for i in range(good))
        raise LookupError

    before = db.health()
    with pytest.raises(LookupError):
        db.executemany("INSERT INTO t (a) VALUES (?)", broken(), once_key="k")
    with pytest.raises(LookupError):
        db.batch(["DELETE FROM t", walpool.Many("INSERT INTO t (a) VALUES (?)", broken())], once_key="k")
    assert db.health().writes == before.writes
    assert db.executemany("INSERT INTO t (a) VALUES (?)", [(1,)], once_key="k").changes == 1
    assert values(db) == [1]


def test_executemany__of_nothing_uses_its_key_up(db):
    sql = "INSERT INTO t (a) VALUES (?)"
    assert db.executemany(sql, [], once_key="k").changes == 0
    assert db.executemany(sql, iter(()), once_key="k").changes == 0
    with pytest.raises(walpool.MisuseError, match="once_key was used"):
        db.executemany(sql, [(1,)], once_key="k")
    assert values(db) == []


def test_once_key__lets_one_of_many_threads_apply(db):
    start = threading.Barrier(8)

    def work():
        start.wait()
        return [db.execute(ADD, (i,), once_key=f"key {i}").rows for i in range(20)]

    answers = [thread.result() for thread in [Thread(work) for _ in range(8)]]
    assert all(answer == answers[0] for answer in answers)
    assert values(db) == list(range(20))


OTHER = """
import sys, walpool
with walpool.open(sys.argv[1]) as db:
    print(db.execute(sys.argv[2], ("x",), once_key="order 7"))
"""


def test_once_key__holds_in_other_processes(db, path):
    def other():
        return subprocess.run(
            [sys.executable, "-c", OTHER, str(path), ADD], capture_output=True, text=True, check=True
        ).stdout

    first = other()
    assert other() == first == f"{db.execute(ADD, ('x',), once_key='order 7')}\n"
    assert values(db) == ["x"]


def test_once_key__makes_a_retry_after_unknown_safe(path):
    wal, elsewhere = path.with_name(path.name + "-wal"), path.with_name("elsewhere")
    with walpool.open(path, durability="full") as db:
        db.script("CREATE TABLE t (id INTEGER PRIMARY KEY, a)", durability="normal")
        wal.rename(elsewhere)  # so that the sync fails
        with pytest.raises(walpool.PoisonedError) as caught:
            db.execute(ADD, ("x",), once_key="order 7")
        assert caught.value.outcome == "unknown"
        elsewhere.rename(wal)
    with walpool.open(path, durability="full") as db:
        assert db.execute(ADD, ("x",), once_key="order 7").rows == [(1, "x")]
        assert values(db) == ["x"]
        assert db.health().once_replays == 1


def test_once_key__answers_rows_of_every_form(db):
    def call(row):
        sql = "INSERT INTO t (a) VALUES (1), (2.5), ('x'), (x'00'), (NULL) RETURNING a"
        return db.execute(sql, once_key="k", row=row)

    plain = call(None)
    assert plain.rows == [(1,), (2.5,), ("x",), (b"\0",), (None,)]
    assert call(None) == plain
    assert call(dict).rows == [{"a": value} for (value,) in plain.rows]
    with pytest.raises(ZeroDivisionError):
        call(lambda a: 1 // 0)
    assert call(None) == plain


def test_once_key__is_for_whole_transactions_only(db):
    with db.write() as w:
        for call in (w.execute, w.executemany, w.script):
            with pytest.raises(TypeError, match="once_key"):
                call("DELETE FROM t", once_key="k")


def test_once_key__waits_and_is_cancelled_like_any_write(db):
    token = walpool.Token()
    with db.write(why="holder") as w:
        other = Thread(lambda: db.execute(ADD, (1,), once_key="k", timeout=60, token=token))
        await_that(lambda: db.health().writer_waiters == 1)
        token.cancel()
        with pytest.raises(walpool.CancelledError) as caught:
            other.result()
        assert caught.value.outcome == "not_applied"
        w.rollback()
    assert db.execute(ADD, (2,), once_key="k").rows == [(1, 2)]


def test_once_key__of_a_closed_or_read_only_database_is_an_error(path):
    db = walpool.open(path)
    db.script("CREATE TABLE t (id INTEGER PRIMARY KEY, a)")
    db.close()
    with pytest.raises(walpool.ClosedError):
        db.execute(ADD, (1,), once_key="k")
    with walpool.open(path, mode="ro") as db, pytest.raises(walpool.ReadOnlyError):
        db.execute(ADD, (1,), once_key="k")
