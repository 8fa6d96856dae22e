"""Optimize, vacuum, incremental vacuum, checks."""

from __future__ import annotations

import sqlite3
import threading

import pytest
from conftest import await_that

import walpool

FILL = """
    CREATE TABLE t (id INTEGER PRIMARY KEY, v);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)
        INSERT INTO t (v) SELECT zeroblob(1000) FROM n;
    DELETE FROM t WHERE id > 4
"""


def test_vacuum__gives_pages_back(path):
    with walpool.open(path) as db:
        db.script(FILL)
        done = db.vacuum()
        assert isinstance(done, walpool.Maintenance)
        assert done.complete is True
        assert (done.free_pages, done.wal_frames, done.tables) == (0, 0, 0)
        assert done.pages_after < done.pages_before / 10
        assert path.stat().st_size == done.pages_after * done.page_size
        assert db.query("SELECT count(*) FROM t") == [(4,)]


def test_vacuum__names_the_writer_that_is_in_the_way(db):
    ready, end = threading.Event(), threading.Event()

    def hold():
        with db.write(why="import"):
            ready.set()
            end.wait()

    other = threading.Thread(target=hold)
    other.start()
    ready.wait()
    with pytest.raises(walpool.TimeoutError, match="import"):
        db.vacuum(timeout=0)
    end.set()
    other.join()
    with db.write(), pytest.raises(walpool.DeadlockError):
        db.vacuum()


def test_incremental_vacuum__frees_as_many_pages_as_asked(db):
    db.execute("PRAGMA auto_vacuum = incremental")
    db.vacuum()
    db.script(FILL)
    done = db.incremental_vacuum(7)
    assert done.pages_before - done.pages_after == 7
    assert done.free_pages > 100
    assert done.complete is True
    assert db.incremental_vacuum().free_pages == 0


def test_incremental_vacuum__says_what_it_needs(db):
    with pytest.raises(walpool.MisuseError, match="auto_vacuum=incremental, then vacuum"):
        db.incremental_vacuum()


@pytest.mark.parametrize("pages", [-1, 1 << 63, 2.0, True, None, "7"])
def test_incremental_vacuum__takes_a_number_of_pages(db, pages):
    with pytest.raises(walpool.MisuseError, match="pages is"):
        db.incremental_vacuum(pages)


def test_optimize__measures_tables(db):
    db.script("CREATE TABLE t (a); CREATE INDEX ta ON t (a); INSERT INTO t VALUES (1), (2)")
    done = db.optimize()
    assert done.tables >= 1 and done.complete
    assert db.query("SELECT idx FROM sqlite_stat1") == [("ta",)]
    assert db.health().optimizes == 1


def test_optimize__is_done_by_itself_if_asked_for(path):
    with walpool.open(path, optimize_interval=0.01) as db:
        await_that(lambda: db.health().optimizes >= 2)
    with walpool.open(path) as db:
        assert db.health().optimizes == 0


def test_check__finds_nothing_wrong(users):
    assert users.check() == users.check(full=True) == []


def test_check__lists_rows_without_their_parent(path):
    with walpool.open(path, foreign_keys=False) as db:
        db.script("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p)")
        db.execute("INSERT INTO c VALUES (7)")
        (problem,) = db.check()
        assert problem == ("foreign_key", "1 rows of c have no parent in p", "c", "p", 1)
        assert problem.kind == "foreign_key"


def test_check__of_indexes_is_the_full_one(path):
    with walpool.open(path) as db:
        db.script("CREATE TABLE t (v); INSERT INTO t VALUES ('needle-1'); CREATE INDEX tv ON t (v)")
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"needle-1", b"needle-2", 1))
    with walpool.open(path, mode="ro") as db:
        assert db.check() == []
        problems = db.check(full=True)
        assert problems[0].kind == "damage"
        assert any("missing from index tv" in one.message for one in problems)
        assert problems[0].table is None


def test_upkeep__does_not_write_to_a_read_only_database(path):
    sqlite3.connect(path).executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (v)").close()
    with walpool.open(path, mode="ro") as db:
        for refused in (db.optimize, db.vacuum, db.incremental_vacuum):
            with pytest.raises(walpool.ReadOnlyError):
                refused()
        assert db.check() == []


def test_upkeep__can_be_cancelled_and_knows_a_closed_database(db):
    token = walpool.Token()
    token.cancel()
    for call in (db.optimize, db.vacuum, db.incremental_vacuum, db.check):
        with pytest.raises(walpool.CancelledError):
            call(token=token)
        with pytest.raises(walpool.MisuseError, match="timeout"):
            call(timeout=-1)
    db.close()
    for call in (db.optimize, db.vacuum, db.incremental_vacuum, db.check):
        with pytest.raises(walpool.ClosedError):
            call()


def test_upkeep__lets_other_threads_run(db):
    db.script(FILL)
    threads = [threading.Thread(target=db.vacuum) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert db.query("SELECT count(*) FROM t") == [(4,)]
    for thread in threads:
        thread.join()
