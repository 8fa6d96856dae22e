"""walpool doctor, on databases that are in use and on such that are not."""

import os
import sqlite3

import pytest
from conftest import finding

WRITE_MANY = "for i in range(1500): db.execute('INSERT INTO job (task) VALUES (1)')"
PIN = (
    "db.execute('PRAGMA wal_autocheckpoint=0')",
    "r = sqlite3.connect(path, isolation_level=None)",
    "r.execute('BEGIN'); r.execute('SELECT * FROM job').fetchall()",
)


def frames_of(database):
    """As many as the -wal file has room for: no checkpoint has reset it."""
    return (os.stat(f"{database}-wal").st_size - 32) // (4096 + 24)


def test_doctor__names_the_process_that_pins_the_wal(walpool, database, other):
    pinner = other(database).do(*PIN, WRITE_MANY)
    answer = walpool("doctor", "app.db", "--watch", 50)
    assert answer.status == 1
    first = answer.out.split("\n\n")[1]
    assert first.startswith(f"degraded: process {pinner.pid} (python3")
    assert "keeps a snapshot at frame " in first
    assert f" of {frames_of(database)}, for all of the 50 ms watched; it runs since 20" in first
    assert "end its read transaction or cursor: " in first
    assert answer.err == ""


def test_doctor__says_the_same_in_json(walpool, database, other):
    pinner = other(database).do(*PIN, WRITE_MANY)
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    assert answer.status == 1
    assert answer.json["status"] == "degraded"
    assert finding(answer, "pin")["process"] == pinner.pid
    assert finding(answer, "pin")["severity"] == "degraded"
    assert {"frame": 0, "processes": [pinner.pid]} in answer.json["snapshots"]
    assert answer.json["wal"]["frames"] == frames_of(database)
    assert answer.json["wal"]["checkpointed"] == 0
    (process,) = answer.json["processes"]
    assert process["process"] == pinner.pid
    assert process["name"].startswith("python3") and not process["walpool"]


def test_doctor__names_all_who_share_a_snapshot(walpool, database, other):
    writer = other(database).do("db.execute('PRAGMA wal_autocheckpoint=0')")
    writer.do("db.execute('INSERT INTO job (task) VALUES (1)')")
    readers = [other(database) for _ in range(3)]
    for reader in readers:
        reader.do("db.execute('BEGIN'); db.execute('SELECT * FROM job').fetchall()")
    writer.do(WRITE_MANY)
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    pids = {one["process"] for one in answer.json["findings"] if one["code"] == "pin"}
    assert pids == {reader.pid for reader in readers}
    assert f"keeps a snapshot at frame 1 of {frames_of(database)}" in answer.out


# The kernel's list of locks changes while it is read.
LOCK_ALL_THE_TIME = (
    "import fcntl, threading; many = [open(f'{path}.{i}', 'w') for i in range(99)]",
    "lock = lambda how: [fcntl.lockf(one, how) for one in many]",
    "on = lambda: [(lock(fcntl.LOCK_EX), lock(fcntl.LOCK_UN)) for _ in iter(int, 1)]",
    "threading.Thread(target=on, daemon=True).start()",
)


def test_doctor__misses_nobody_while_others_lock(walpool, database, other, folder):
    readers = {other(database) for _ in range(4)}
    for reader in readers:
        reader.do("db.execute('BEGIN'); db.execute('SELECT * FROM job').fetchall()")
    for name in "ab":
        other(folder / name).do(*LOCK_ALL_THE_TIME)
    for _ in range(60):
        answer = walpool("doctor", "app.db", "--json", "--watch", 0)
        (snapshot,) = answer.json["snapshots"]
        assert set(snapshot["processes"]) == {reader.pid for reader in readers}


def test_doctor__a_pin_below_the_threshold_is_ok(walpool, database, other):
    other(database).do(*PIN, "db.execute('DELETE FROM job')")
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    assert finding(answer, "pin")["severity"] == "ok"
    answer = walpool("doctor", "app.db", "--json", "--watch", 0, "--threshold=0")
    assert finding(answer, "pin")["severity"] == "degraded"


def test_doctor__names_who_has_the_write_lock(walpool, database, other):
    writer = other(database).do("db.execute('BEGIN IMMEDIATE')")
    answer = walpool("doctor", "app.db", "--json", "--watch", 20)
    assert answer.status == 1
    assert answer.json["writer"] == [writer.pid]
    assert finding(answer, "writer")["process"] == writer.pid
    assert "commit or roll back" in finding(answer, "writer")["remedy"]
    assert f"write lock     process {writer.pid}" in walpool("doctor", "app.db").out


def test_doctor__does_not_disturb(walpool, database, other):
    writer = other(database).do("db.execute('BEGIN IMMEDIATE')")
    before = {path.name: path.stat() for path in database.parent.iterdir()}
    assert walpool("doctor", "app.db", "--watch", 0).status == 0
    after = {path.name: path.stat() for path in database.parent.iterdir()}
    assert after.keys() == before.keys()
    for name, facts in after.items():
        assert facts.st_mtime_ns == before[name].st_mtime_ns
    second = sqlite3.connect(database, isolation_level=None, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        second.execute("BEGIN IMMEDIATE")
    writer.do("db.execute('INSERT INTO job (task) VALUES (1)')", "db.execute('COMMIT')")
    second.execute("BEGIN IMMEDIATE")
    second.close()


def test_doctor__nobody_has_it_open(walpool, database):
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    assert answer.status == 0
    assert [one["code"] for one in answer.json["findings"]] == ["wal", "not_in_use"]
    assert answer.json["processes"] == [] and answer.json["snapshots"] == []
    assert answer.json["database"]["path"] == str(database)
    assert answer.json["database"]["journal_mode"] == "wal"
    assert answer.json["database"]["page_bytes"] == 4096


def test_doctor__a_wal_is_left_by_a_kill(walpool, database, other):
    other(database).do("db.execute('DELETE FROM job')").end()
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    assert answer.status == 0
    assert "Do not move" in finding(answer, "wal_left")["remedy"]


@pytest.mark.parametrize("part", ["-wal", "-shm"])
def test_doctor__a_sidecar_was_unlinked(walpool, database, other, part):
    user = other(database).do("db.execute('DELETE FROM job')")
    os.unlink(f"{database}{part}")
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    assert answer.status == 2
    assert finding(answer, "unlinked")["process"] == user.pid
    assert f"the {part} file" in finding(answer, "unlinked")["what"]
    assert "VACUUM INTO" in finding(answer, "unlinked")["remedy"]


def test_doctor__the_database_was_replaced(walpool, database, other):
    user = other(database).do("db.execute('DELETE FROM job')")
    copy = database.with_name("copy.db")
    copy.write_bytes(database.read_bytes())
    copy.rename(database)
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    assert answer.status == 2
    assert finding(answer, "unlinked")["process"] == user.pid


def test_doctor__the_database_was_moved(walpool, database, other):
    user = other(database).do("db.execute('DELETE FROM job')")
    data = database.read_bytes()
    database.rename(database.with_name("old.db"))
    database.write_bytes(data)
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    assert answer.status == 2
    assert finding(answer, "moved")["process"] == user.pid


def test_doctor__a_close_has_dropped_the_locks(walpool, database, other):
    user = other(database).do("db.execute('DELETE FROM job')")
    user.do("open(path + '-shm').close()")
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    assert answer.status == 1
    assert finding(answer, "no_locks")["process"] == user.pid


def test_doctor__one_has_it_for_itself(walpool, database, other):
    user = other(database).do(
        "db.execute('PRAGMA locking_mode=EXCLUSIVE')", "db.execute('DELETE FROM job')"
    )
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    assert answer.status == 1
    assert finding(answer, "exclusive")["process"] == user.pid


def test_doctor__sidecars_with_other_rights(walpool, database, other):
    other(database).do("db.execute('DELETE FROM job')")
    os.chmod(f"{database}-wal", 0o600)
    os.chmod(database, 0o640)
    os.chmod(f"{database}-shm", 0o640)
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    assert answer.status == 1
    assert "-wal file has mode 0600" in finding(answer, "permissions")["what"]


def test_doctor__open_asks_the_database_itself(walpool, database):
    answer = walpool("doctor", "app.db", "--json", "--open", "--watch", 0)
    assert answer.status == 0
    assert finding(answer, "open")["what"] == "it opens"
    database.write_bytes(database.read_bytes()[:100] + b"\0" * 3996)
    answer = walpool("doctor", "app.db", "--json", "--open", "--watch", 0)
    assert answer.status == 2
    assert finding(answer, "open")["severity"] == "failing"
