"""Opening: paths, DSNs, options, and files that are no database."""

from __future__ import annotations

import math
import os
import stat
from pathlib import Path

import pytest

import walpool


def test_open__takes_paths_of_every_kind(path):
    for name in (path, str(path), os.fsencode(path), f"file:{path}?readers=2"):
        with walpool.open(name) as db:
            assert db.query("SELECT 1") == [(1,)]
            assert Path(db.health().path) == path.resolve()


def test_open__takes_a_path_object_literally(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with walpool.open(Path("file:odd?name.db")) as db:
        db.script("CREATE TABLE t (a)")
    assert (tmp_path / "file:odd?name.db").exists()


def test_open__takes_names_that_are_no_utf8(tmp_path):
    path = os.fsencode(tmp_path) + b"/bad-\xff.db"
    try:
        with walpool.open(path) as db:
            assert db.query("SELECT 1") == [(1,)]
    except walpool.WalpoolError as error:  # a clear error would do as well
        assert error.status in ("WALPOOL_ENCODING", "WALPOOL_CANTOPEN")


def test_open__makes_a_private_file(path):
    with walpool.open(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_open__applies_options(path):
    options = walpool.Options(
        readers=2,
        busy_timeout=1.5,
        close_timeout=math.inf,
        cache_size_kib=1024,
        mmap_size=0,
        journal_size_limit=1 << 20,
        checkpoint_frames=500,
        statement_cache=10,
        durability="full",
        foreign_keys=False,
        temp_store="file",
        allow_attach=True,
        coalesce=0.002,
        once_keep=3600,
        lease_warn=math.inf,
        lease_trace=True,
        snapshot_keep=0.02,
        step_ahead=2,
        reader_gate=0.05,
        wal_ceiling_frames=5000,
        wal_ceiling_policy="backpressure",
        checkpoint_owner="walpool",
        mode="rwc",
        permissions=0o640,
        allow_network_fs=True,
        optimize_interval=3600,
    )
    with walpool.open(path, **options) as db:
        assert db.health().readers_limit == 2
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert db.query_one("PRAGMA cache_size") == (-1024,)
        assert db.query_one("PRAGMA foreign_keys") == (0,)
        assert db.query_one("PRAGMA temp_store") == (1,)


def test_open__reads_options_of_a_dsn_in_the_cores_units(path):
    with walpool.open(f"file:{path}?_busy_timeout=50&readers=1") as db, db.read():
        with pytest.raises(walpool.TimeoutError, match="50 ms"):
            db.query("SELECT 1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"reader": 4}, "reader"),
        ({"readers": 0}, "readers"),
        ({"readers": 65}, "readers"),
        ({"readers": "many"}, "many"),
        ({"readers": 2**20000}, "readers is a very large int"),
        ({"busy_timeout": -(2**20000)}, "busy_timeout is a very large int"),
        ({"readers": 2.5}, "2.5"),
        ({"readers": None}, "None"),
        ({"readers": "4\0"}, "NUL"),
        ({"busy_timeout": -1}, "busy_timeout is -1"),
        ({"busy_timeout": math.nan}, "nan"),
        ({"busy_timeout": 90000}, "90000"),
        ({"close_timeout": None}, "None"),
        ({"_timeout": [1]}, r"\[1\]"),
        ({"durability": "most"}, "most"),
        ({"coalesce": 1.5}, "coalesce is 1.5"),
        ({"coalesce": -0.001}, "coalesce is -0.001"),
        ({"coalesce": math.nan}, "nan"),
        ({"once_keep": 0.5}, "once_keep"),
        ({"once_keep": 1e9}, "once_keep"),
        ({"lease_warn": -1}, "lease_warn is -1"),
        ({"lease_warn": "soon"}, "soon"),
        ({"lease_trace": "perhaps"}, "perhaps"),
        ({"lease_trace": 2}, "lease_trace"),
        ({"snapshot_keep": 5}, "snapshot_keep is 5: pass seconds"),
        ({"reader_gate": 1.5}, "reader_gate is 1.5"),
        ({"wal_ceiling_frames": 999}, "wal_ceiling_frames is 999"),
        ({"wal_ceiling_policy": "panic"}, "panic"),
        ({"checkpoint_owner": "me"}, "me"),
        ({"mode": "rx"}, "rx"),
        ({"permissions": 0o7777}, "7777"),
        ({"foreign_keys": "perhaps"}, "perhaps"),
        ({"journal_mode": "delete"}, "delete"),
        ({"bad\ud800": 1}, "surrogate"),
    ],
)
def test_open__names_a_bad_option_and_leaves_no_file(path, options, words):
    with pytest.raises(walpool.OptionError, match=words):
        walpool.open(path, **options)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["", ":memory:", "a\0b", None, 5, "file:?readers", "bad\ud800"])
def test_open__refuses_names_that_name_nothing(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((walpool.MisuseError, walpool.OptionError)):
        walpool.open(name)
    assert list(tmp_path.iterdir()) == []


def make_text(path):
    path.write_text("this is no database, and long enough to be one " * 50)
    return walpool.NotADatabaseError


def make_directory(path):
    path.mkdir()
    return walpool.CantOpenError


def make_fifo(path):
    os.mkfifo(path)
    return walpool.CantOpenError


@pytest.mark.parametrize("make", [make_text, make_directory, make_fifo])
def test_open__refuses_what_is_no_database_and_leaves_it(path, make):
    error = make(path)
    before = [(p, p.lstat().st_mtime_ns) for p in path.parent.iterdir()]
    with pytest.raises(error, match=path.name):
        walpool.open(path)
    assert [(p, p.lstat().st_mtime_ns) for p in path.parent.iterdir()] == before


def test_open__refuses_a_missing_folder_and_a_missing_file(tmp_path):
    with pytest.raises(walpool.CantOpenError):
        walpool.open(tmp_path / "missing" / "a.db")
    with pytest.raises(walpool.CantOpenError) as caught:
        walpool.open(tmp_path / "a.db", mode="rw")
    assert caught.value.errno == 2
    with pytest.raises(walpool.WalpoolError):
        walpool.open("x" * 5000)
    assert list(tmp_path.iterdir()) == []


def test_open__refuses_a_folder_that_it_may_not_write_to(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.geteuid() == 0:  # whom permissions do not bind
        folder = Path("/proc")
    before = set(tmp_path.rglob("*"))
    with pytest.raises((walpool.CantOpenError, walpool.IoError, walpool.ReadOnlyError), match="no.db"):
        walpool.open(folder / "no.db")
    assert set(tmp_path.rglob("*")) == before


def test_open__read_only_does_not_write(path):
    with walpool.open(path) as db:
        db.script("CREATE TABLE t (a)")
    with walpool.open(path, mode="ro") as db:
        assert db.query("SELECT * FROM t") == []
        with pytest.raises(walpool.ReadOnlyError):
            db.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(walpool.ReadOnlyError):
            db.write()


def test_open__shares_the_file_of_a_process(path):
    with walpool.open(path, readers=3) as first, walpool.open(path, readers=9) as second:
        first.script("CREATE TABLE t (a)")
        assert second.query("SELECT * FROM t") == []
        assert second.health().readers_limit == 3
        first.close()
        assert second.query("SELECT 1") == [(1,)]
