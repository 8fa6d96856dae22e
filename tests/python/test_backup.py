"""Backups and restores."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest
from conftest import Thread, await_that

import walpool


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def users_in(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [name for (name,) in plain.execute("SELECT name FROM user ORDER BY id")]


@pytest.fixture
def large(db):
    db.execute("CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT, data BLOB)")
    db.executemany(
        "INSERT INTO user (name, data) VALUES (?, zeroblob(3000))", [(str(i),) for i in range(400)]
    )
    return db


def test_backup__is_one_file_that_any_program_opens(users, tmp_path):
    to = tmp_path / "copy.db"
    result = users.backup(to)
    assert result.phase == "done"
    assert result.copied == result.pages > 0
    assert users_in(to) == [name for (name,) in users.query("SELECT name FROM user ORDER BY id")]
    assert [name for name in names(tmp_path) if name.startswith("copy")] == ["copy.db"]


def test_backup__tells_how_far_it_is(large, tmp_path):
    seen = []
    large.backup(tmp_path / "copy.db", pages=50, pause=0, progress=seen.append)
    copied = [at.copied for at in seen]
    assert copied == sorted(copied)
    assert len(seen) > 6
    assert [at.phase for at in seen][-3:] == ["check", "place", "done"]
    assert {at.page_size for at in seen} == {4096}
    assert seen[0].copied == 50


def test_backup__is_of_one_snapshot(large, tmp_path):
    def write(at):
        large.execute("INSERT INTO user (name) VALUES ('late')")
        large.execute("DELETE FROM user WHERE id % 7 = 0")

    large.backup(tmp_path / "copy.db", pages=20, pause=0.001, progress=write)
    assert users_in(tmp_path / "copy.db") == [str(i) for i in range(400)]


def test_backup__ends_with_an_exception_of_the_callback(large, tmp_path):
    before = names(tmp_path)

    def stop(at):
        raise KeyError("enough")

    for pages in (10, 10**6):
        with pytest.raises(KeyError, match="enough"):
            large.backup(tmp_path / "copy.db", pages=pages, progress=stop)
        assert names(tmp_path) == before
    assert large.leases() == []
    assert large.health().private_open == 0


def test_backup__is_cancelled_from_another_thread(large, tmp_path):
    before = names(tmp_path)
    token = walpool.Token()
    other = Thread(
        lambda: large.backup(tmp_path / "copy.db", pages=1, pause=0.001, token=token, why="nightly")
    )
    await_that(lambda: [lease.why for lease in large.leases()] == ["nightly"])
    token.cancel()
    with pytest.raises(walpool.CancelledError):
        other.result()
    assert names(tmp_path) == before


def test_backup__ends_at_its_timeout(large, tmp_path):
    before = names(tmp_path)
    for pause in (0.005, 60):
        with pytest.raises(walpool.TimeoutError) as caught:
            large.backup(tmp_path / "copy.db", pages=1, pause=pause, timeout=0.02)
        assert caught.value.phase == "execute"
        assert names(tmp_path) == before


def test_backup__refuses_a_file_that_is_there(users, tmp_path):
    to = tmp_path / "copy.db"
    to.write_text("mine")
    with pytest.raises(walpool.CantOpenError, match="a file is there") as caught:
        users.backup(to)
    assert isinstance(caught.value, walpool.WalpoolError)
    assert to.read_text() == "mine"
    users.backup(to, replace=True)
    assert len(users_in(to)) == 2


def test_backup__refuses_the_database_itself(users, path):
    for suffix in ("", "-wal", "-shm", "-journal"):
        with pytest.raises(walpool.MisuseError, match="of the database itself|the database itself"):
            users.backup(f"{path}{suffix}", replace=True)
    assert len(users.query("SELECT * FROM user")) == 2


@pytest.mark.parametrize(
    ("to", "error"),
    [
        ("", walpool.MisuseError),
        ("nul\0byte", walpool.MisuseError),
        (7, walpool.MisuseError),
        (None, walpool.MisuseError),
        ("\ud800", walpool.MisuseError),
        ("none/copy.db", walpool.CantOpenError),
        ("x" * 300, walpool.CantOpenError),
    ],
)
def test_backup__refuses_a_path_that_is_none(users, tmp_path, monkeypatch, to, error):
    monkeypatch.chdir(tmp_path)
    before = names(tmp_path)
    with pytest.raises(error):
        users.backup(to)
    with pytest.raises(error):
        users.restore(to)
    assert names(tmp_path) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_backup__into_a_folder_that_may_not_be_written(users, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(walpool.CantOpenError):
        users.backup(folder / "copy.db")


def test_backup__to_a_path_of_any_name(users, tmp_path):
    for name in ("größe 数据.db", "file:x?mode=memory", b"bytes.db", "a b%20c"):
        folder = os.fsencode(tmp_path) if isinstance(name, bytes) else str(tmp_path)
        to = os.path.join(folder, name)
        users.backup(to)
        users.restore(to)
        os.rename(to, tmp_path / "plain.db")
        assert len(users_in(tmp_path / "plain.db")) == 2


@pytest.mark.parametrize(
    "odd",
    [
        {"pages": 0},
        {"pages": -1},
        {"pages": True},
        {"pages": 2.5},
        {"pages": 2**31},
        {"pause": -1},
        {"pause": "1"},
        {"pause": float("nan")},
        {"check": "deep"},
        {"check": None},
        {"timeout": -1},
        {"timeout": "1"},
        {"why": 7},
        {"token": 7},
    ],
)
def test_backup__refuses_odd_options(users, tmp_path, odd):
    before = names(tmp_path)
    with pytest.raises(walpool.MisuseError, match=next(iter(odd))):
        users.backup(tmp_path / "copy.db", **odd)
    assert names(tmp_path) == before


def test_backup__of_a_closed_database(path, tmp_path):
    db = walpool.open(path)
    db.close()
    with pytest.raises(walpool.ClosedError):
        db.backup(tmp_path / "copy.db")
    with pytest.raises(walpool.ClosedError):
        db.restore(tmp_path / "copy.db")


def test_backup__that_a_kill_cut_off_is_removed_by_the_next(large, path, tmp_path):
    script = (
        "import sys, os, walpool\n"
        "def stop(at): os.kill(os.getpid(), 9)\n"
        "walpool.open(sys.argv[1]).backup(sys.argv[2], pages=10, progress=stop)\n"
    )
    to = tmp_path / "copy.db"
    done = subprocess.run([sys.executable, "-c", script, str(path), str(to)], check=False)
    assert done.returncode == -9
    assert (tmp_path / "copy.db.walpool-partial").exists()
    assert not to.exists()
    large.backup(to)
    assert len(users_in(to)) == 400
    assert [name for name in names(tmp_path) if name.startswith("copy")] == ["copy.db"]


def test_backup__lets_other_threads_run(large, tmp_path):
    turns = []
    large.backup(
        tmp_path / "copy.db", pages=10, pause=0.001, progress=lambda at: turns.append(
            Thread(lambda: large.query("SELECT count(*) FROM user")).result()
        )
    )
    assert set(map(repr, turns)) == {"[(400,)]"}


def test_restore__takes_the_place_of_what_is_there(users, tmp_path):
    to = tmp_path / "copy.db"
    users.backup(to, check="full")
    users.execute("DROP TABLE user")
    users.execute("CREATE TABLE other (v)")
    with users.read() as reader:
        reader.query("SELECT * FROM other")
        users.restore(to, durability="full", why="back")
        assert reader.query("SELECT count(*) FROM other") == [(0,)]
    assert users.query("SELECT count(*) FROM user") == [(2,)]
    with pytest.raises(walpool.SqlError):
        users.query("SELECT * FROM other")


def test_restore__refuses_what_is_no_database(users, path, tmp_path):
    junk = tmp_path / "junk"
    junk.write_bytes(b"x" * 8192)
    with pytest.raises(walpool.NotADatabaseError):
        users.restore(junk)
    with pytest.raises(walpool.CantOpenError):
        users.restore(tmp_path)
    with pytest.raises(walpool.MisuseError, match="the database itself"):
        users.restore(path)
    with sqlite3.connect(tmp_path / "pages.db") as plain:
        plain.executescript("PRAGMA page_size=8192; CREATE TABLE t(v)")
    with pytest.raises(walpool.UnsupportedError, match="page_size=4096"):
        users.restore(tmp_path / "pages.db")
    assert len(users.query("SELECT * FROM user")) == 2


def test_restore__in_a_thread_that_writes(users, tmp_path):
    users.backup(tmp_path / "copy.db")
    with users.write() as writer:
        with pytest.raises(walpool.DeadlockError):
            users.restore(tmp_path / "copy.db")
        writer.execute("DELETE FROM user")
    token = walpool.Token()
    token.cancel()
    with pytest.raises(walpool.CancelledError) as caught:
        users.restore(tmp_path / "copy.db", token=token)
    assert caught.value.outcome == "not_applied"
    assert users.query("SELECT count(*) FROM user") == [(0,)]
