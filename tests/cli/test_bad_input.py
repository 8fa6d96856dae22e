"""What is no database, and what is no command line."""

import os
import socket
import sqlite3

import pytest
from conftest import finding


def make_missing(path):
    pass


def make_garbage(path):
    path.write_bytes(b"garbage " * 1000)


def make_short(path):
    path.write_bytes(b"SQLite format 3\0")


def make_future(path):
    sqlite3.connect(path).executescript("CREATE TABLE a (b)").close()
    data = bytearray(path.read_bytes())
    data[19] = 3
    path.write_bytes(data)


def make_truncated(path):
    db = sqlite3.connect(path)
    db.executescript("CREATE TABLE a (b); INSERT INTO a VALUES (zeroblob(99999))")
    db.close()
    os.truncate(path, 8192)


def make_hard_link(path):
    sqlite3.connect(path).executescript("CREATE TABLE a (b)").close()
    os.link(path, path.with_name("second.db"))


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))


BAD = {
    "missing": (make_missing, 2, "missing"),
    "directory": (os.mkdir, 2, "kind"),
    "fifo": (os.mkfifo, 2, "kind"),
    "socket": (make_socket, 2, "kind"),
    "garbage": (make_garbage, 2, "not_a_database"),
    "short": (make_short, 2, "not_a_database"),
    "zero bytes": (lambda path: path.touch(), 1, "empty"),
    "future": (make_future, 2, "future_format"),
    "truncated": (make_truncated, 2, "truncated"),
    "hard link": (make_hard_link, 2, "hard_link"),
}


@pytest.mark.parametrize("name", BAD)
def test_doctor__names_what_is_no_database(walpool, folder, name):
    make, status, code = BAD[name]
    make(folder / "app.db")
    before = sorted(path.name for path in folder.iterdir())
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    assert (answer.status, answer.err) == (status, "")
    assert finding(answer, code)["remedy"]
    text = walpool("doctor", "app.db", "--watch", 0)
    assert text.status == status
    assert finding(answer, code)["what"] in text.out
    assert sorted(path.name for path in folder.iterdir()) == before


NO_DATABASE = ["missing", "directory", "fifo", "socket", "garbage", "hard link"]
OPENING = ["health", "checkpoint", "check", "optimize", "vacuum"]


@pytest.mark.parametrize("name", NO_DATABASE)
@pytest.mark.parametrize("command", OPENING)
def test_commands__refuse_what_is_no_database(walpool, folder, command, name):
    BAD[name][0](folder / "app.db")
    before = sorted(path.name for path in folder.iterdir())
    answer = walpool(command, "app.db", "--json")
    assert answer.status == 2
    assert answer.json["command"] == command
    assert answer.json["status"] == "failing"
    assert answer.json["error"]["name"] in ("WALPOOL_CANTOPEN", "WALPOOL_NOTADB")
    assert answer.err == f"walpool: {answer.json['error']['message']}\n"
    assert "app.db" in answer.err
    text = walpool(command, "app.db")
    assert (text.status, text.out, text.err) == (2, "", answer.err)
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize("command", ["health", "check"])
def test_commands__that_only_look_do_not_switch_to_wal(walpool, folder, command):
    sqlite3.connect("app.db").executescript("CREATE TABLE a (b)").close()
    data = (folder / "app.db").read_bytes()
    answer = walpool(command, "app.db", "--json")
    assert (answer.status, answer.json["error"]["name"]) == (2, "WALPOOL_NOTWAL")
    assert (folder / "app.db").read_bytes() == data


@pytest.mark.parametrize("command", OPENING)
def test_commands__take_a_path_that_looks_like_a_dsn(walpool, database, command):
    database.rename("file:app.db?mode=memory")
    answer = walpool(command, "file:app.db?mode=memory", "--json")
    assert (answer.status, answer.err) == (0, "")


def test_doctor__a_symbolic_link_is_followed(walpool, database):
    os.symlink("app.db", "link.db")
    answer = walpool("doctor", "link.db", "--json", "--watch", 0)
    assert answer.status == 0
    assert answer.json["file"] == "link.db"
    assert answer.json["database"]["path"] == str(database)
    assert str(database) in finding(answer, "symlink")["what"]


def test_doctor__rollback_mode_and_a_wal_of_another_file(walpool, folder):
    sqlite3.connect("app.db").executescript("CREATE TABLE a (b)").close()
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    assert answer.status == 1
    assert finding(answer, "not_wal")["severity"] == "degraded"
    (folder / "app.db-wal").write_bytes(b"not a WAL" * 100)
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    assert finding(answer, "wal_of_another")["remedy"]
    assert finding(answer, "foreign_wal")["severity"] == "failing"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_doctor__a_file_that_may_not_be_read(walpool, database):
    database.chmod(0)
    answer = walpool("doctor", "app.db", "--json", "--watch", 0)
    assert answer.status == 2
    assert finding(answer, "unreadable")["remedy"]


@pytest.mark.parametrize("words, part", [
    ((), "a command is missing"),
    (("frobnicate", "app.db"), "unknown command frobnicate"),
    (("doctor",), "FILE"),
    (("doctor", ""), "a word is empty"),
    (("doctor", "app.db", "b.db"), "one word too many: b.db"),
    (("doctor", "app.db", "--frob"), "unknown option: --frob"),
    (("doctor", "app.db", "-x"), "unknown option: -x"),
    (("doctor", "app.db", "--json=1"), "takes no value: --json=1"),
    (("doctor", "app.db", "--watch"), "lacks its value: --watch"),
    (("doctor", "app.db", "--watch", "soon"), "not 'soon'"),
    (("doctor", "app.db", "--watch=-1"), "not '-1'"),
    (("doctor", "app.db", "--watch", "60001"), "from 0 to 60000"),
    (("doctor", "app.db", "--full"), "unknown option: --full"),
    (("health", "app.db", "b.db"), "one word too many: b.db"),
    (("check", "app.db", "b.db"), "one word too many: b.db"),
    (("backup", "app.db"), "a word is missing: TO"),
    (("backup", "app.db", "b.db", "c.db"), "one word too many: c.db"),
    (("restore", "app.db"), "a word is missing: FROM"),
    (("restore", "app.db", "b.db", "--replace"), "unknown option: --replace"),
    (("vacuum", "app.db", "--watch", "1"), "unknown option: --watch"),
    (("optimize", "app.db", "--timeout", "5s"), "not '5s'"),
    (("checkpoint", "app.db", "truncate", "now"), "one word too many: now"),
    (("checkpoint", "app.db", "hard"), "unknown mode hard"),
])
def test_usage__names_the_word_that_is_wrong(walpool, database, words, part):
    answer = walpool(*words)
    assert answer.status == 64
    assert answer.out == ""
    assert answer.err.startswith("walpool: ") and part in answer.err


def test_usage__two_dashes_end_the_options(walpool, database):
    database.rename("--open")
    assert walpool("doctor", "--watch=0", "--", "--open").out.startswith("--open: ok")


def test_usage__a_path_of_odd_bytes_gives_valid_json(walpool, folder):
    answer = walpool("doctor", b"a\xff\n.db".decode(errors="surrogateescape"), "--json")
    assert answer.json["file"] == "a??.db"
