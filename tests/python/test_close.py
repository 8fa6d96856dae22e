"""The ends of things: close, collection, fork, the end of the process."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import subprocess
import sys
import textwrap
import warnings

import pytest
from conftest import ENDLESS, await_that

import walpool


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_close__ends_the_wal_and_may_be_repeated(path):
    db = walpool.open(path)
    db.script("CREATE TABLE t (a)")
    assert not db.closed
    assert repr(db) == f"<walpool.Database '{path}' open>"
    db.close()
    db.close()
    assert db.closed
    assert repr(db) == f"<walpool.Database '{path}' closed>"
    assert "test.db-wal" not in names(path.parent)


def test_close__makes_every_call_an_error(path):
    db = walpool.open(path)
    db.close()
    calls = (
        lambda: db.query("SELECT 1"),
        lambda: db.query_one("SELECT 1"),
        lambda: db.iterate("SELECT 1"),
        lambda: db.execute("SELECT 1"),
        lambda: db.executemany("SELECT ?", [(1,)]),
        lambda: db.executemany("SELECT ?", ((i,) for i in range(100_000))),
        lambda: db.script("SELECT 1"),
        lambda: db.batch(["SELECT 1"]),
        db.read,
        db.write,
        db.checkpoint,
        db.health,
    )
    for call in calls:
        with pytest.raises(walpool.ClosedError):
            call()


def test_close__names_what_is_still_out_and_the_database_stays_usable(path):
    db = walpool.open(path)
    r = db.read(why="slow report")
    with pytest.raises(walpool.TimeoutError, match="slow report"):
        db.close(timeout=0)
    assert not db.closed
    assert db.query("SELECT 1") == [(1,)]
    r.close()
    db.close()


def test_database__closes_when_its_block_raises(path):
    with pytest.raises(ZeroDivisionError):
        with walpool.open(path) as db:
            raise ZeroDivisionError
    assert db.closed


def test_database__that_is_forgotten_is_closed_in_the_background(path):
    db = walpool.open(path)
    db.script("CREATE TABLE t (a)")
    assert "test.db-wal" in names(path.parent)
    with pytest.warns(ResourceWarning, match="unclosed <walpool.Database"):
        del db
        gc.collect()
    await_that(lambda: "test.db-wal" not in names(path.parent))


def test_database__in_a_cycle_with_all_that_hangs_on_it_is_closed(path):
    def make():
        db = walpool.open(path)
        db.script("CREATE TABLE t (a)")
        reader, writer = db.read(), db.write()
        cursors = [db.iterate(ENDLESS.format("i")), reader.iterate(ENDLESS.format("i"))]
        for cursor in cursors:
            next(cursor)
        db.everything = [db, reader, writer, cursors, walpool.Token(), writer.savepoint()]

    make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    await_that(lambda: "test.db-wal" not in names(path.parent))


def test_database__that_never_opened_needs_no_closing(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(walpool.CantOpenError):
            walpool.open(tmp_path)
        gc.collect()
    assert repr(walpool.Database.__new__(walpool.Database)) == "<walpool.Database>"


def test_handles__are_neither_copied_nor_pickled(db):
    cursor = db.iterate("SELECT 1")
    with db.read() as r, db.write() as w:
        for thing in (db, r, w, cursor, walpool.Token()):
            for way in (copy.copy, copy.deepcopy, pickle.dumps):
                with pytest.raises(TypeError):
                    way(thing)


def in_child(work):
    """Run it in a forked child and return its exit status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_fork__gives_the_child_a_clear_error_from_everything(path, tmp_path):
    db = walpool.open(path)
    db.script("CREATE TABLE t (a)")
    reader, writer, token = db.read(), db.write(), walpool.Token()
    cursor = db.iterate(ENDLESS.format("i"))
    next(cursor)

    def child():
        calls = (
            lambda: db.query("SELECT 1"),
            lambda: db.execute("INSERT INTO t VALUES (1)"),
            lambda: reader.query("SELECT 1"),
            lambda: writer.execute("INSERT INTO t VALUES (1)"),
            writer.commit,
            lambda: list(cursor),
            lambda: db.query("SELECT 1", token=token),
            lambda: db.execute("INSERT INTO t VALUES (1)", once_key="k", durability="full"),
            lambda: db.batch([walpool.Statement("DELETE FROM t", expect=0)], once_key=b"k"),
            lambda: db.read(durable=True),
            lambda: db.query("SELECT 1", durable=True),
            reader.fresh,
            lambda: reader.fresh(durable=True),
            db.leases,
            db.health,
            db.close,
        )
        for call in calls:
            with pytest.raises(walpool.ForkedError):
                call()
        with walpool.open(tmp_path / "child.db") as own:
            own.script("CREATE TABLE t (a)")
            assert own.query("SELECT * FROM t") == []

    assert in_child(child) == 0
    cursor.close()
    reader.close()
    with writer as w:
        w.execute("INSERT INTO t VALUES (7)")
    assert db.query("SELECT a FROM t") == [(7,)]
    db.close()
    assert "test.db-wal" not in names(path.parent)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_fork__lets_the_child_collect_what_it_inherited(path):
    things = [walpool.open(path)]
    things += [things[0].read(), things[0].iterate(ENDLESS.format("i")), walpool.Token()]

    def child():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            things.clear()
            gc.collect()

    assert in_child(child) == 0
    things[2].close()
    things[1].close()
    assert things[0].query("SELECT 1") == [(1,)]
    things[0].close()


def run(path, code):
    """Run code in a new interpreter: (exit code, what it wrote)."""
    program = f"import walpool\npath = {str(path)!r}\n" + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_exit__closes_what_the_program_forgot(path):
    code = """
        db = walpool.open(path)
        db.script("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    """
    assert run(path, code) == (0, "")
    assert "test.db-wal" not in names(path.parent)


def test_exit__with_everything_open_is_clean(path):
    code = f"""
        db = walpool.open(path)
        db.script("CREATE TABLE t (a)")
        r, w = db.read(), db.write()
        w.execute("INSERT INTO t VALUES (1)")
        cursor = db.iterate({ENDLESS.format("i")!r})
        next(cursor)
    """
    assert run(path, code) == (0, "")
    with walpool.open(path) as db:
        assert db.query("SELECT * FROM t") == []


def test_exit__with_a_call_running_is_clean(path):
    code = f"""
        import threading, time
        db = walpool.open(path)
        work = lambda: db.query({ENDLESS.format("count(*)")!r}, timeout=600)
        threading.Thread(target=work, daemon=True).start()
        while not db.health().readers_leased:
            time.sleep(0)
        print("leaving")
    """
    assert run(path, code) == (0, "leaving\n")


def test_exit__after_a_crash_loses_nothing(path):
    code = """
        import os, signal
        db = walpool.open(path)
        db.script("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        db.write().execute("INSERT INTO t VALUES (2)")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert run(path, code)[0] == -9
    with walpool.open(path) as db:
        assert db.query("SELECT * FROM t") == [(1,)]
