"""Errors: classes, attributes, and input that is plainly wrong."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

import walpool
from walpool import _errors, _native

HEADER = Path(__file__).parents[2] / "include" / "walpool.h"


def test_errors__have_a_class_for_each_status():
    statuses = re.findall(r"^    X\(([A-Z]+), (\d+), \"", HEADER.read_text(), re.MULTILINE)
    assert len(statuses) > 20
    for name, number in statuses:
        if name != "OK":
            assert _errors._CLASSES[int(number)].status == f"WALPOOL_{name}"
    assert len(_errors._CLASSES) == len(statuses) - 1


def test_errors__have_a_word_for_each_phase_and_outcome():
    text = HEADER.read_text()
    for name, words in (("phase", _errors._PHASES), ("outcome", _errors._OUTCOMES)):
        block = text[text.index(f"typedef enum walpool_{name} {{") : text.index(f"}} walpool_{name};")]
        names = re.findall(r"WALPOOL_(?:PHASE_)?(\w+) = (\d+)", block)
        assert [(word.lower(), int(number)) for word, number in names] == [(w, i) for i, w in enumerate(words)]


def test_errors__say_all_that_the_core_knows(users):
    with pytest.raises(walpool.SqlError) as caught:
        users.query("SELECT id,\n nme FROM user")
    error = caught.value
    assert isinstance(error, walpool.WalpoolError)
    assert error.status == "WALPOOL_SQL"
    assert (error.sqlite_code, error.sqlite_code_name) == (1, "SQLITE_ERROR")
    assert error.sql_offset in (12, None)  # SQLite 3.38 and newer know it
    assert (error.statement, error.phase, error.outcome, error.errno) == (None, "none", "not_applied", None)
    assert "nme" in str(error)


def test_errors__survive_pickling(users):
    for sql in ("SELECT nothing", "INSERT INTO user VALUES (1, 'x')"):
        with pytest.raises(walpool.WalpoolError) as caught:
            users.execute(sql)
        copy = pickle.loads(pickle.dumps(caught.value))
        assert type(copy) is type(caught.value)
        assert str(copy) == str(caught.value)
        assert copy.sqlite_code_name == caught.value.sqlite_code_name
    with users.write(), pytest.raises(walpool.WalpoolError) as caught:
        users.checkpoint("passive")
    assert pickle.loads(pickle.dumps(caught.value)).status == "WALPOOL_DEADLOCK"


def test_errors__fit_the_built_in_ones():
    assert issubclass(walpool.TimeoutError, TimeoutError)
    assert issubclass(walpool.NoMemError, MemoryError)
    for kind in (walpool.MisuseError, walpool.OptionError, walpool.ParamError, walpool.EncodingError):
        assert issubclass(kind, ValueError)


@pytest.mark.parametrize("sql", [None, 5, b"SELECT 1", ["SELECT 1"]])
def test_sql__must_be_text(db, sql):
    for call in (db.query, db.query_one, db.iterate, db.execute, db.script):
        with pytest.raises(walpool.MisuseError, match="sql is of type"):
            call(sql)
    with pytest.raises(walpool.MisuseError, match="sql of statement 0"):
        db.batch([(sql, ())])
    with pytest.raises(walpool.MisuseError, match="sql is of type"):
        db.executemany(sql, [(1,)])


@pytest.mark.parametrize("sql", ["", " ", "-- only a comment", ";", "SELECT 1; SELECT 2", "SELECT 1\0", "SELECT 1; x"])
def test_sql__must_be_one_statement(db, sql):
    for call in (db.query, db.query_one, db.iterate, db.execute):
        with pytest.raises(walpool.WalpoolError):
            call(sql)


def test_sql__may_be_longer_than_any_buffer(db):
    text = "x" * 200_000
    assert db.query(f"SELECT '{text}'") == [(text,)]


@pytest.mark.parametrize("sql", ["ATTACH 'x.db' AS x", "PRAGMA journal_mode=delete", "CREATE TEMP TABLE x(a)"])
def test_sql__that_would_break_the_pool_is_refused(db, sql):
    with pytest.raises(walpool.RefusedError):
        db.execute(sql)
    with db.write() as w:
        with pytest.raises(walpool.RefusedError):
            w.execute(sql)


@pytest.mark.parametrize("sql", ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a"])
def test_sql__of_transactions_is_refused_outside_of_a_writer(db, sql):
    with pytest.raises(walpool.RefusedError, match="lease"):
        db.execute(sql)
    with db.read() as r:
        with pytest.raises(walpool.RefusedError, match="reader"):
            r.query(sql)


def test_sql__of_savepoints_nests_in_blocks(users):
    with users.write() as w:
        w.execute("SAVEPOINT a")
        w.execute("DELETE FROM user")
        with w.savepoint():
            w.execute("SAVEPOINT b")
        w.execute("ROLLBACK TO a")
        w.execute("INSERT INTO user(name) VALUES ('Alan')")
    assert users.query_one("SELECT count(*) FROM user WHERE name IN ('Ada', 'Grace', 'Alan')") == (3,)
    assert users.health().dirty_leases == 0


@pytest.mark.parametrize("timeout", [-1, -0.001, float("nan"), float("-inf"), 2**20000, -(2**20000), "1", b"1", [1]], ids=range(9))
def test_timeout__must_be_a_time(db, timeout):
    before = db.health()
    with db.read() as r:
        calls = (
            lambda: db.query("SELECT 1", timeout=timeout),
            lambda: db.execute("CREATE TABLE t (a)", timeout=timeout),
            lambda: db.batch(["CREATE TABLE t (a)"], timeout=timeout),
            lambda: db.write(timeout=timeout),
            lambda: r.fresh(timeout=timeout),
            lambda: db.checkpoint(timeout=timeout),
            lambda: db.close(timeout=timeout),
        )
        for call in calls:
            with pytest.raises(walpool.MisuseError, match="timeout is"):
                call()
    assert db.health().writes == before.writes


def test_why__must_be_text(db):
    for why in (5, b"x", object()):
        with pytest.raises(walpool.MisuseError, match="why is of type"):
            db.query("SELECT 1", why=why)
    with db.read(why="x" * 1000):
        assert db.health().oldest_why == "x" * 47


def test_why__is_cut_between_characters(db):
    with db.read(why="ü" * 40):
        assert db.health().oldest_why == "ü" * 23


@pytest.mark.parametrize("mode", ["", "PASSIVE", 0, None, "half", [], 2**20000], ids=range(7))
def test_checkpoint__refuses_other_modes(db, mode):
    with pytest.raises(walpool.MisuseError, match="mode is"):
        db.checkpoint(mode)


@pytest.mark.parametrize("handle", [0, 1, 2**63, 2**64 - 1])
def test_border__refuses_handles_that_are_none(db, handle):
    request = (handle, "SELECT 1", (), None, None, None, _native.ALL, None, {}, False)
    calls = (
        lambda: _native.read(request),
        lambda: _native.write(request),
        lambda: _native.run(request),
        lambda: _native.acquire(handle, _native.READ, (None, None, None)),
        lambda: _native.begin(handle, (None, None, None)),
        lambda: _native.commit(handle, (None, None, None)),
        lambda: _native.rollback(handle),
        lambda: _native.release(handle),
        lambda: _native.savepoint(handle),
        lambda: _native.cursor_next(handle, (None, None, None, None, (), 0)),
        lambda: _native.cursor_close(handle),
        lambda: _native.cancel(handle),
        lambda: _native.checkpoint(handle, 0, (None, None, None)),
        lambda: _native.health_json(handle),
        lambda: _native.close(handle, None),
    )
    for call in calls:
        with pytest.raises((walpool.MisuseError, walpool.ClosedError)):
            call()


def test_border__refuses_requests_of_another_shape(db):
    whole = (db._handle, "SELECT 1", (), None, None, None, _native.ALL, None, {}, False)
    odd = ((), None, 5, whole[:-1], (*whole, None), (*whole[:6], "0", *whole[7:]), (*whole[:8], None, False))
    for request in odd:
        with pytest.raises(TypeError):
            _native.read(request)
    for handle in (None, "1", 2.5, -1, 2**64):
        for call in (lambda: _native.health_json(handle), lambda: _native.read((handle, *whole[1:]))):
            with pytest.raises(walpool.MisuseError):
                call()
