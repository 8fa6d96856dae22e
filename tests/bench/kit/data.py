"""The data set of the benchmarks: made once, copied for every side."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from .workshop import Workshop

ROWS = 100_000
BLOB_BYTES = 1_000_000
VERSION = "2"


def fill(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b REAL, c TEXT, d TEXT)")
    db.executemany("INSERT INTO t VALUES(?, ?, ?, ?, ?)", (
        (i, i * 7, i * 0.5, f"name {i}", f"some longer description text number {i} of the row")
        for i in range(ROWS)))
    db.execute("CREATE TABLE point(id INTEGER PRIMARY KEY, value INTEGER)")
    db.executemany("INSERT INTO point VALUES(?, ?)", ((i, i * 7) for i in range(ROWS)))
    db.execute("CREATE TABLE blob(id INTEGER PRIMARY KEY, data BLOB)")
    db.execute("INSERT INTO blob VALUES(1, ?)", (bytes(range(250)) * (BLOB_BYTES // 250),))
    db.commit()
    db.close()


def copies(shop: Workshop, *sides: str) -> list[Path]:
    """A database for each side: copies of SQLite that share a process must
    not share a file."""
    folder = shop.folder / "data"
    folder.mkdir(exist_ok=True)
    original = folder / "original.db"
    if not shop.stamped("data", VERSION):
        shop.say(f"making {ROWS} rows")
        original.unlink(missing_ok=True)
        fill(original)
        shop.stamp("data", VERSION)
    paths = [folder / f"{side}.db" for side in sides]
    for path in paths:
        for suffix in ("-wal", "-shm", "-turn"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(original, path)
    return paths
