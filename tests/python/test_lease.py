"""Leases: readers, writers, savepoints."""

from __future__ import annotations

import gc

import pytest
from conftest import ENDLESS, Thread, await_that

import walpool


@pytest.fixture
def db(db):
    db.script("CREATE TABLE t (a)")
    return db


def values(source):
    return [row[0] for row in source.query("SELECT a FROM t ORDER BY a")]


def put(target, value):
    target.execute("INSERT INTO t VALUES (?)", (value,))


def test_reader__sees_one_snapshot_until_fresh(db):
    with db.read(why="report") as r:
        put(db, 1)
        assert values(r) == []
        assert values(db) == [1]
        r.fresh()
        assert values(r) == [1]
        put(db, 2)
        assert values(r) == [1]
        r.fresh(timeout=0)
        assert values(r) == [1, 2]


def test_reader__does_not_write(db):
    with db.read() as r:
        with pytest.raises(walpool.ReadOnlyError):
            r.query("INSERT INTO t VALUES (1)")


def test_fresh__leaves_an_open_cursor_its_snapshot(db):
    with db.read() as r:
        with r.iterate(ENDLESS.format("i")) as cursor:
            next(cursor)
            put(db, 1)
            with pytest.raises(walpool.BusyError):
                r.fresh()
            assert values(r) == []
            assert next(cursor) == (2,)
        r.fresh()
        assert values(r) == [1]


def test_fresh__is_for_any_thread_and_one_at_a_time(db):
    with db.read() as r:
        put(db, 1)
        Thread(r.fresh).result()
        assert values(r) == [1]
        token = walpool.Token()
        running = Thread(lambda: r.query(ENDLESS.format("count(*)"), token=token))
        await_that(lambda: is_busy(r))
        token.cancel()
        with pytest.raises(walpool.CancelledError):
            running.result()
        put(db, 2)
        r.fresh()
        assert values(r) == [1, 2]


def is_busy(reader):
    try:
        reader.fresh()
    except walpool.BusyError:
        return True
    return False


def test_fresh__cancelled_before_it_began_stays(db):
    token = walpool.Token()
    token.cancel()
    with db.read() as r:
        put(db, 1)
        with pytest.raises(walpool.CancelledError):
            r.fresh(token=token)
        assert values(r) == []


def test_fresh__is_of_readers_only(db):
    with db.write() as w:
        assert not hasattr(w, "fresh")


def test_reader__is_closed_by_its_block(db):
    with db.read() as r:
        assert not r.closed
        assert repr(r) == "<walpool.Reader open>"
    assert r.closed
    assert repr(r) == "<walpool.Reader closed>"
    for call in (lambda: r.query("SELECT 1"), r.fresh, lambda: r.iterate("SELECT 1")):
        with pytest.raises(walpool.ClosedError):
            call()
    r.close()
    assert db.health().readers_leased == 0


def test_reader__is_given_back_when_it_is_collected(db):
    r = db.read(why="forgotten")
    assert db.health().oldest_why == "forgotten"
    del r
    assert db.health().readers_leased == 0


def test_reader__in_a_cycle_with_its_cursor_is_given_back(db):
    r = db.read()
    cursor = r.iterate(ENDLESS.format("i"))
    next(cursor)
    r.self, r.cursor = r, cursor
    del r, cursor
    gc.collect()
    assert db.health().readers_leased == 0


def test_reader__times_out_and_says_who_has_the_others(path):
    with walpool.open(path, readers=1) as db, db.read(why="nightly report"):
        with pytest.raises(walpool.TimeoutError, match="nightly report") as caught:
            db.read(timeout=0)
        assert caught.value.phase == "queue"
        with pytest.raises(TimeoutError, match="29 ms"):
            db.query("SELECT 1", timeout=0.029)


def test_writer__commits_when_its_block_ends(db):
    with db.write(why="fill") as w:
        put(w, 1)
        assert values(w) == [1]
        assert values(db) == []
    assert values(db) == [1]
    assert w.closed


def test_writer__rolls_back_when_its_block_raises(db):
    with pytest.raises(ZeroDivisionError):
        with db.write() as w:
            put(w, 1)
            raise ZeroDivisionError
    assert values(db) == []
    health = db.health()
    assert (health.rollbacks, health.dirty_leases, health.writer_leased) == (1, 0, 0)


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit, SystemExit])
def test_writer__rolls_back_for_exceptions_of_every_kind(db, error):
    with pytest.raises(error):
        with db.write() as w:
            put(w, 1)
            raise error
    assert values(db) == []


def test_writer__nests_by_savepoints(db):
    with db.write() as w:
        put(w, 1)
        with w.savepoint() as same:
            assert same is w
            put(w, 2)
            with pytest.raises(ZeroDivisionError):
                with w.savepoint():
                    put(w, 3)
                    with w.savepoint():
                        put(w, 4)
                    raise ZeroDivisionError
            assert values(w) == [1, 2]
        with w.savepoint():
            put(w, 5)
    assert values(db) == [1, 2, 5]


def test_writer__survives_a_statement_that_fails(db):
    db.script("CREATE UNIQUE INDEX once ON t (a)")
    with db.write() as w:
        put(w, 1)
        with pytest.raises(walpool.ConstraintError):
            w.execute("INSERT INTO t VALUES (2), (1)")
        put(w, 3)
    assert values(db) == [1, 3]


def test_writer__commits_and_begins_by_hand(db):
    with db.write() as w:
        put(w, 1)
        w.commit()
        assert values(db) == [1]
        with pytest.raises(walpool.MisuseError, match="transaction"):
            put(w, 2)
        w.begin()
        with pytest.raises(walpool.MisuseError):
            w.begin()
        put(w, 3)
        w.rollback()
        w.begin()
        put(w, 4)
    assert values(db) == [1, 4]


def test_writer__that_was_rolled_back_by_hand_leaves_its_block_in_peace(db):
    with db.write() as w:
        put(w, 1)
        w.rollback()
    assert values(db) == []


def test_savepoint__ends_with_the_one_around_it(db):
    with db.write() as w:
        with w.savepoint():
            w.savepoint()
            put(w, 1)
        w.savepoint()
        put(w, 2)
        w.rollback()
        w.savepoint()
        put(w, 3)
        w.commit()
        w.savepoint()
        put(w, 4)
    assert values(db) == [1, 3, 4]


def test_savepoint__that_was_ended_by_hand_leaves_its_block_in_peace(db):
    with db.write() as w:
        with w.savepoint():
            put(w, 1)
            w.rollback()
        with pytest.raises(ZeroDivisionError):
            with w.savepoint():
                w.rollback()
                raise ZeroDivisionError
        put(w, 2)
    assert values(db) == [2]


def test_writer__takes_commit_and_begin_as_text(db):
    with db.write() as w:
        put(w, 1)
        assert w.execute("COMMIT") == walpool.Result(0, 0, [], ())
        assert values(db) == [1]
        with pytest.raises(walpool.MisuseError):
            w.commit()
        put(db, 2)  # the writer is free
        w.execute("BEGIN IMMEDIATE")
        put(w, 3)
    assert values(db) == [1, 2, 3]
    health = db.health()
    assert (health.dirty_leases, health.rollbacks) == (0, 0)


@pytest.mark.parametrize("end", ["COMMIT", "END TRANSACTION", "ROLLBACK"])
def test_writer__that_was_ended_by_text_leaves_its_block_in_peace(db, end):
    with db.write() as w:
        put(w, 1)
        w.execute(end)
    with pytest.raises(ZeroDivisionError):
        with db.write() as w:
            put(w, 2)
            w.execute(end)
            raise ZeroDivisionError
    assert values(db) == ([] if end == "ROLLBACK" else [1, 2])
    assert db.health().dirty_leases == 0


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_savepoint__of_a_transaction_that_text_has_ended_leaves_its_block_in_peace(db, end):
    with db.write() as w:
        put(w, 1)
        with w.savepoint():
            with w.savepoint():
                put(w, 2)
                w.execute(end)
                w.execute("BEGIN")
                put(w, 3)
        with w.savepoint():
            put(w, 4)
    assert values(db) == ([3, 4] if end == "ROLLBACK" else [1, 2, 3, 4])


def test_savepoint__as_text_ends_with_the_block_around_it(db):
    with db.write() as w:
        with w.savepoint():
            w.execute("SAVEPOINT a")
            put(w, 1)
            w.execute('SAVEPOINT "b c"')
            put(w, 2)
            w.execute("ROLLBACK TO a")
            put(w, 3)
        with pytest.raises(walpool.SqlError, match="no such savepoint"):
            w.execute("RELEASE a")
        with pytest.raises(ZeroDivisionError):
            with w.savepoint():
                w.execute("SAVEPOINT a")
                put(w, 4)
                raise ZeroDivisionError
        w.execute("SAVEPOINT d")
        put(w, 5)
    assert values(db) == [3, 5]


def test_writer__that_was_closed_in_its_block_says_that_it_did_not_commit(db):
    with pytest.raises(walpool.ClosedError):
        with db.write() as w:
            put(w, 1)
            w.close()
    with db.write() as w:
        put(w, 2)
        w.commit()
        w.close()
    assert values(db) == [2]


def test_writer__closes_its_cursors_before_it_commits(db):
    with db.write() as w:
        put(w, 1)
        cursor = w.iterate(ENDLESS.format("i"))
        next(cursor)
    assert values(db) == [1]
    with pytest.raises(walpool.ClosedError):
        list(cursor)


def test_writer__does_not_commit_by_hand_under_an_open_cursor(db):
    with db.write() as w:
        with w.iterate(ENDLESS.format("i")) as cursor:
            next(cursor)
            with pytest.raises(walpool.BusyError):
                w.commit()


def test_writer__raises_what_the_commit_raises(db):
    db.script(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);"
        "CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
    )
    with pytest.raises(walpool.ConstraintError) as caught:
        with db.write() as w:
            w.execute("INSERT INTO child VALUES (1)")
    assert caught.value.sqlite_code_name == "SQLITE_CONSTRAINT_FOREIGNKEY"
    assert caught.value.outcome == "not_applied"
    assert db.query("SELECT count(*) FROM child") == [(0,)]
    assert db.health().writer_leased == 0


def test_writer__that_is_closed_or_collected_rolls_back(db):
    w = db.write()
    put(w, 1)
    w.close()
    w = db.write()
    put(w, 2)
    del w
    assert values(db) == []
    assert db.health().dirty_leases == 2


def test_writer__waits_for_itself_nowhere(db):
    with db.write(why="outer") as w:
        for call in (
            db.write,
            lambda: put(db, 1),
            lambda: db.batch(["DELETE FROM t"]),
            lambda: db.script("DELETE FROM t"),
            lambda: db.executemany("INSERT INTO t VALUES (?)", [(1,)]),
            db.checkpoint,
        ):
            with pytest.raises(walpool.DeadlockError):
                call()
        put(w, 2)
    assert values(db) == [2]


def test_writer__may_be_used_and_ended_by_another_thread(db):
    w = db.write()

    def work():
        with w:
            put(w, 1)

    Thread(work).result()
    assert values(db) == [1]


def test_lease__is_for_one_thread_at_a_time(db):
    token = walpool.Token()
    with db.write() as w:
        other = Thread(lambda: w.query(ENDLESS.format("count(*)"), timeout=60, token=token))

        def busy():
            try:
                w.query("SELECT 1")
            except walpool.BusyError:
                return True
            return False

        await_that(busy)
        with pytest.raises(walpool.BusyError):
            w.close()
        token.cancel()
        with pytest.raises(walpool.CancelledError):
            other.result()


def test_lease__keeps_its_database(path):
    r = walpool.open(path).read()
    gc.collect()
    assert r.query("SELECT 1") == [(1,)]
    r._db.close_later = None
    db = r._db
    r.close()
    db.close()
