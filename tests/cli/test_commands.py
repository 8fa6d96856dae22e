"""The commands that open the database: health, checkpoint, check, optimize and
vacuum."""

import os
import re
import sqlite3

import pytest
from conftest import COMMAND, ROOT

FIELD = re.compile(r"^    X\((\w+), ", re.M)


def rows_of(database, sql):
    db = sqlite3.connect(database, isolation_level=None)
    found = db.execute(sql).fetchall()
    db.close()
    return found


# ------------------------------------------------------------------- health


def health_fields():
    header = (ROOT / "include/walpool.h").read_text()
    listed = header.partition("#define WALPOOL_HEALTH_LIST(X)")[2]
    return FIELD.findall(listed.partition("\n\n")[0])


def test_health__every_number_of_walpool(walpool, database):
    answer = walpool("health", "app.db", "--json")
    assert (answer.status, answer.err) == (0, "")
    assert answer.json["status"] == answer.json["health"]["verdict"] == "ok"
    text = walpool("health", "app.db")
    assert text.status == 0 and text.out.startswith("app.db: ok\n")
    assert len(health_fields()) > 30
    for name in health_fields():
        assert isinstance(answer.json["health"][name], int)
        assert f"\n{name} " in text.out


def test_health__tells_what_others_left_in_the_wal(walpool, database, other):
    other(database).do("db.execute('DELETE FROM job')")
    answer = walpool("health", "app.db", "--json")
    assert answer.json["health"]["wal_frames"] > 0
    assert answer.json["health"]["wal_bytes"] == os.stat(f"{database}-wal").st_size


def test_health__gives_each_reason_with_its_remedy(walpool, database, other):
    reader, writer = other(database), other(database)
    reader.do("db.execute('BEGIN')")
    reader.do("db.execute('SELECT count(*) FROM job').fetchall()")
    writer.do("db.execute('PRAGMA wal_autocheckpoint=0')")
    writer.do("db.execute('CREATE TABLE large AS SELECT zeroblob(42000000)')")
    answer = walpool("health", "app.db")
    assert answer.status == 1
    assert answer.out.startswith("app.db: degraded\n")
    assert f"process {reader.pid} " in answer.out
    assert "(wal_pinned)\n    end that read transaction\n" in answer.out
    assert "(wal_long)\n    end long reads" in answer.out
    told = walpool("health", "app.db", "--json").json
    assert told["status"] == "degraded"
    assert [reason["code"] for reason in told["health"]["reasons"]] == ["wal_pinned", "wal_long"]
    assert told["health"]["pin_pid"] == reader.pid


def test_health__leaves_the_wal_as_it_is(walpool, database, other):
    other(database).do("db.execute('DELETE FROM job')").end()
    before = (database.read_bytes(), os.stat(f"{database}-wal").st_size)
    assert walpool("health", "app.db").status == 0
    assert (database.read_bytes(), os.stat(f"{database}-wal").st_size) == before


# --------------------------------------------------------------- checkpoint

MODES = ["passive", "full", "restart", "truncate"]


@pytest.mark.parametrize("mode", MODES)
def test_checkpoint__is_complete(walpool, database, other, mode):
    other(database).do("db.execute('DELETE FROM job')")
    answer = walpool("checkpoint", "app.db", mode, "--json")
    assert (answer.status, answer.err) == (0, "")
    assert (answer.json["mode"], answer.json["outcome"]) == (mode, "complete")
    assert answer.json["log_frames"] == answer.json["checkpointed_frames"]
    assert answer.json["in_the_way"] == []
    if mode == "truncate":
        assert os.stat(f"{database}-wal").st_size == 0


def test_checkpoint__is_passive_if_nothing_is_said(walpool, database):
    assert walpool("checkpoint", "app.db", "--json").json["mode"] == "passive"
    text = walpool("checkpoint", "app.db")
    assert text.out == "app.db: ok: complete: 0 of 0 frames are in the database\n"


@pytest.mark.parametrize("mode", MODES)
def test_checkpoint__names_who_is_in_the_way(walpool, database, other, mode):
    pinner = other(database).do(
        "db.execute('PRAGMA wal_autocheckpoint=0')",
        "db.execute('DELETE FROM job')",
        "r = sqlite3.connect(path, isolation_level=None)",
        "r.execute('BEGIN'); r.execute('SELECT * FROM job').fetchall()",
        "for i in range(9): db.execute('INSERT INTO job (task) VALUES (1)')",
    )
    words = ("checkpoint", "app.db", mode, "--timeout", "50")
    answer = walpool(*words, "--json")
    assert answer.status == 1
    assert answer.json["outcome"] == "partial"
    assert answer.json["checkpointed_frames"] < answer.json["log_frames"]
    (pin,) = answer.json["in_the_way"]
    assert pin["process"] == pinner.pid
    text = walpool(*words)
    assert text.status == 1
    assert f"process {pinner.pid} (python3" in text.out and pin["remedy"] in text.out


@pytest.mark.parametrize("command", ["checkpoint", "optimize", "vacuum"])
def test_writing__names_who_has_the_write_lock(walpool, database, other, command):
    writer = other(database).do("db.execute('BEGIN IMMEDIATE')")
    answer = walpool(command, "app.db", "--timeout", "50", "--json")
    assert answer.status == 2
    assert answer.json["error"]["name"] == "WALPOOL_TIMEOUT"
    assert f"process {writer.pid} (python3" in answer.err


# -------------------------------------------------------------------- check


def test_check__a_sound_database(walpool, database):
    for words in ((), ("--full",)):
        answer = walpool("check", "app.db", "--json", *words)
        assert (answer.status, answer.err) == (0, "")
        assert answer.json["problems"] == answer.json["foreign_keys"] == []
        assert answer.json["full"] == bool(words)
        assert walpool("check", "app.db", *words).out == "app.db: ok\n"


def test_check__an_index_that_misses_a_row_is_found_by_full(walpool, database):
    db = sqlite3.connect(database, isolation_level=None)
    db.execute("INSERT INTO job (task) VALUES ('needle-1')")
    db.execute("CREATE INDEX by_task ON job (task)")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    head, _, tail = database.read_bytes().rpartition(b"needle-1")
    assert b"needle-1" in head
    database.write_bytes(head + b"needle-2" + tail)
    assert walpool("check", "app.db").status == 0
    answer = walpool("check", "app.db", "--full", "--json")
    assert answer.status == 2
    assert answer.json["problems"] == ["row 11 missing from index by_task"]
    text = walpool("check", "app.db", "--full")
    assert text.status == 2
    assert "row 11 missing" in text.out and "restore a backup" in text.out


def test_check__a_page_that_is_lost(walpool, database):
    db = sqlite3.connect(database, isolation_level=None)
    db.executemany("INSERT INTO job (task) VALUES (?)", [("x" * 999,)] * 99)
    db.close()
    data = bytearray(database.read_bytes())
    data[-4096:] = bytes(4096)
    database.write_bytes(data)
    answer = walpool("check", "app.db", "--json")
    assert answer.status == 2
    assert "malformed" in answer.json["problems"][-1]
    text = walpool("check", "app.db")
    assert text.status == 2 and "restore a backup" in text.out


def test_check__rows_without_a_parent(walpool, database):
    db = sqlite3.connect(database, isolation_level=None)
    db.execute("CREATE TABLE step (job INTEGER REFERENCES job (id))")
    db.executemany("INSERT INTO step VALUES (?)", [(1,), (98,), (99,)])
    db.close()
    answer = walpool("check", "app.db", "--json")
    assert answer.status == 1
    assert answer.json["foreign_keys"] == [{"table": "step", "parent": "job", "rows": 2}]
    assert "2 rows of step have no parent in job" in walpool("check", "app.db").out


def test_check__writes_nothing(walpool, database, other):
    other(database).do("db.execute('DELETE FROM job')").end()
    before = database.read_bytes()
    assert walpool("check", "app.db", "--full").status == 0
    assert database.read_bytes() == before


# ------------------------------------------------------------------- upkeep


def test_optimize__measures_tables(walpool, database):
    db = sqlite3.connect(database, isolation_level=None)
    db.execute("CREATE INDEX by_task ON job (task)")
    db.close()
    answer = walpool("optimize", "app.db", "--json")
    assert (answer.status, answer.err) == (0, "")
    found = rows_of(database, "SELECT tbl, idx FROM sqlite_stat1")
    assert found == [("job", "by_task")]
    assert walpool("optimize", "app.db").out.startswith("app.db: ok: ")


def test_vacuum__gives_pages_back(walpool, database):
    db = sqlite3.connect(database, isolation_level=None)
    db.executemany("INSERT INTO job (task) VALUES (?)", [("x" * 999,)] * 999)
    db.execute("DELETE FROM job WHERE id > 10")
    db.close()
    before = database.stat().st_size
    answer = walpool("vacuum", "app.db", "--json")
    assert (answer.status, answer.err) == (0, "")
    assert answer.json["bytes_before"] == before
    assert answer.json["bytes_after"] == database.stat().st_size < before / 2
    assert rows_of(database, "SELECT count(*) FROM job") == [(10,)]
    assert "KiB before, " in walpool("vacuum", "app.db").out


def test_vacuum__tells_that_a_reader_keeps_the_wal(walpool, database, other):
    other(database).do("db.execute('BEGIN'); db.execute('SELECT * FROM job').fetchall()")
    answer = walpool("vacuum", "app.db", "--timeout", "50")
    assert answer.status == 1
    assert "walpool doctor says who is in the way" in answer.out


def rows_in(path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    (count,) = db.execute("SELECT count(*) FROM job").fetchone()
    db.close()
    return count


def test_backup__is_one_file_of_what_was_there(walpool, database, other):
    user = other(database).do("db.execute('INSERT INTO job (task) VALUES (1)')")
    answer = walpool("backup", "app.db", "copy.db", "--json", "--full")
    assert (answer.status, answer.err) == (0, "")
    assert answer.json["status"] == "ok"
    assert (answer.json["file"], answer.json["to"]) == ("app.db", "copy.db")
    assert answer.json["bytes"] == os.path.getsize("copy.db")
    user.do("db.execute('DELETE FROM job')")
    assert rows_in("copy.db") == 11
    assert [name for name in os.listdir() if name.startswith("copy")] == ["copy.db"]


def test_backup__replaces_only_when_told_to(walpool, database):
    (database.parent / "copy.db").write_text("mine")
    answer = walpool("backup", "app.db", "copy.db", "--json")
    assert (answer.status, answer.json["error"]["name"]) == (2, "WALPOOL_CANTOPEN")
    assert (database.parent / "copy.db").read_text() == "mine"
    assert walpool("backup", "app.db", "copy.db", "--replace").status == 0
    assert rows_in("copy.db") == 10
    answer = walpool("backup", "app.db", "./app.db", "--replace", "--json")
    assert (answer.status, answer.json["error"]["name"]) == (2, "WALPOOL_MISUSE")
    assert walpool("backup", "app.db", "none/copy.db").status == 2


def test_restore__into_a_database_that_is_used(walpool, database, other):
    assert walpool("backup", "app.db", "copy.db").status == 0
    user = other(database).do("db.execute('DELETE FROM job')")
    answer = walpool("restore", "app.db", "copy.db", "--json")
    assert (answer.status, answer.err) == (0, "")
    assert (answer.json["from"], answer.json["bytes"]) == ("copy.db", os.path.getsize("copy.db"))
    user.do("assert db.execute('SELECT count(*) FROM job').fetchone() == (10,)")
    user.do("db.execute('BEGIN IMMEDIATE')")
    answer = walpool("restore", "app.db", "copy.db", "--timeout", "50", "--json")
    assert (answer.status, answer.json["error"]["name"]) == (2, "WALPOOL_TIMEOUT")


def test_restore__refuses_what_is_no_database(walpool, database):
    (database.parent / "junk").write_bytes(b"x" * 8192)
    answer = walpool("restore", "app.db", "junk", "--json")
    assert (answer.status, answer.json["error"]["name"]) == (2, "WALPOOL_NOTADB")
    assert walpool("restore", "app.db", "none.db").status == 2
    assert walpool("restore", "none.db", "junk").status == 2
    assert rows_in("app.db") == 10


def test_vacuum__refuses_when_the_disk_has_less_than_twice_its_size(walpool, database):
    disk = os.statvfs(database)
    pages = disk.f_bavail * disk.f_frsize // 4096
    with open(database, "r+b") as file:
        file.truncate(pages * 4096)  # a hole takes no room
        file.seek(28)
        file.write(pages.to_bytes(4, "big"))  # and this says that it is no hole
    answer = walpool("vacuum", "app.db", "--json")
    assert answer.status == 2
    assert answer.json["error"]["name"] == "WALPOOL_FULL"
    assert f"it needs {2 * pages * 4096} bytes on the disk" in answer.err
    assert "twice what it holds" in answer.err and "make room" in answer.err
    assert database.stat().st_size == pages * 4096
    assert "app.db-wal" not in os.listdir()


@pytest.mark.parametrize("command", ["checkpoint", "optimize", "vacuum"])
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_writing__a_database_that_may_not_be_written(walpool, database, command):
    database.chmod(0o400)
    database.parent.chmod(0o500)
    answer = walpool(command, "app.db", "--json")
    database.parent.chmod(0o700)
    assert answer.status == 2
    assert answer.json["error"]["name"] in ("WALPOOL_READONLY", "WALPOOL_CANTOPEN")


def test_output__a_full_disk_under_it_is_an_error(database):
    line = f"{COMMAND} check app.db >/dev/full"
    assert os.waitstatus_to_exitcode(os.system(line)) == 2
