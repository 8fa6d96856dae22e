"""Prepared statements: what they run, and where they end."""

import copy
import dataclasses
import gc
import os
import pickle
import subprocess
import sys
import threading

import pytest
import walpool


@pytest.fixture
def users(db):
    db.script(
        "CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT UNIQUE);"
        "INSERT INTO user (name) VALUES ('Ada'), ('Grace'), ('Alan')"
    )
    return db


@dataclasses.dataclass
class User:
    id: int
    name: str


def test_prepare__it_reads_as_its_text_does(users):
    sql = "SELECT id, name FROM user WHERE id >= :id ORDER BY id"
    prepared = users.prepare(sql)
    for _ in range(3):
        assert prepared.query({"id": 2}) == users.query(sql, {"id": 2})
        assert prepared.query_one((1,)) == (1, "Ada")
        assert prepared.query_one((9,)) is None
        assert prepared.query((3,), row=User) == [User(3, "Alan")]
        assert prepared.query_one((3,), row=dict) == {"id": 3, "name": "Alan"}
        with prepared.iterate((1,), row=User) as rows:
            assert [user.name for user in rows] == ["Ada", "Grace", "Alan"]


def test_prepare__it_writes_as_its_text_does(users):
    add = users.prepare("INSERT INTO user (name) VALUES (?) RETURNING id")
    assert add.execute(("Kurt",)) == walpool.Result(1, 4, [(4,)], ("id",))
    assert add.executemany([("Edsger",), ("Tony",)]).rows == [(5,), (6,)]
    for _ in range(2):
        assert add.execute(("Niklaus",), once_key="seven").rows == [(7,)]
    with pytest.raises(walpool.MismatchError):
        add.execute(("John",), expect=2)
    with pytest.raises(walpool.ConstraintError):
        add.execute(("Ada",))
    assert users.query_one("SELECT count(*) FROM user") == (7,)


def test_prepare__it_takes_the_place_of_sql(users):
    by_id = users.prepare("SELECT name FROM user WHERE id = ?")
    rename = users.prepare("UPDATE user SET name = ? WHERE id = ?")
    with users.read() as reader:
        assert reader.query(by_id, (1,)) == [("Ada",)]
        assert reader.query_one(by_id, (2,), row=dict) == {"name": "Grace"}
        assert list(reader.iterate(by_id, (3,))) == [("Alan",)]
    with users.write() as writer:
        assert writer.execute(rename, ("A.", 1)).changes == 1
        assert writer.executemany(rename, [("G.", 2), ("T.", 3)]).changes == 2
        assert writer.query(by_id, (1,)) == [("A.",)]
    results = users.batch([
        (rename, ("Ada", 1)),
        walpool.Statement(rename, ("Grace", 2), expect=1),
        walpool.Many(rename, [("Alan", 3)]),
        users.prepare("DELETE FROM user WHERE id = 99"),
    ])
    assert [result.changes for result in results] == [1, 1, 1, 0]
    assert users.query(by_id, (2,)) == [("Grace",)]


def test_prepare__it_says_what_it_is(users):
    sql = "SELECT id, name AS n FROM user WHERE id = :id OR name = ?"
    prepared = users.prepare(sql)
    assert prepared.sql == sql
    assert prepared.readonly is True
    assert prepared.parameters == (":id", None)
    assert prepared.columns == ("id", "n")
    assert repr(prepared) == f"<walpool.Prepared {sql!r}>"
    delete = users.prepare("DELETE FROM user")
    assert (delete.readonly, delete.parameters, delete.columns) == (False, (), ())


@pytest.mark.parametrize(
    ("sql", "error", "words"),
    [
        ("SELECT nothing FROM user", walpool.SqlError, "nothing"),
        ("SELECT 1 FROM nowhere", walpool.SqlError, "nowhere"),
        ("SELECT 1; SELECT 2", walpool.SqlError, "more than one"),
        ("", walpool.SqlError, "no statement"),
        ("SELECT 1\0", walpool.SqlError, "NUL"),
        ("SELECT '\ud800'", walpool.EncodingError, "surrogate"),
        ("COMMIT", walpool.RefusedError, "COMMIT"),
        (7, walpool.MisuseError, "int"),
        (b"SELECT 1", walpool.MisuseError, "bytes"),
        (None, walpool.MisuseError, "NoneType"),
    ],
)
def test_prepare__what_is_wrong_with_the_text_is_raised_at_once(users, sql, error, words):
    with pytest.raises(error, match=words):
        users.prepare(sql)


def test_prepare__a_prepared_statement_is_not_prepared_again(users):
    prepared = users.prepare("SELECT 1")
    with pytest.raises(walpool.MisuseError, match="Prepared"):
        users.prepare(prepared)
    with pytest.raises(TypeError, match="already"):
        prepared.__init__(users, "SELECT 2", None, None, None)
    assert prepared.query() == [(1,)]


def test_prepare__one_that_was_never_made_is_refused(users):
    blank = walpool.Prepared.__new__(walpool.Prepared)
    with pytest.raises(walpool.MisuseError, match="Prepared"):
        users.query(blank)
    with pytest.raises(walpool.MisuseError):
        users.batch([blank])


def test_prepare__wrong_parameters_are_refused(users):
    prepared = users.prepare("SELECT name FROM user WHERE id = ?")
    for params in ((), (1, 2), {"id": 1}, (object(),)):
        with pytest.raises(walpool.ParamError):
            prepared.query(params)
    with pytest.raises(walpool.ReadOnlyError):
        users.prepare("DELETE FROM user").query()
    assert prepared.query((1,)) == [("Ada",)]


def test_prepare__closed_it_runs_no_more(users):
    with users.prepare("SELECT 1") as prepared:
        assert prepared.query() == [(1,)]
    prepared.close()
    for call in (prepared.query, prepared.query_one, prepared.execute, prepared.iterate):
        with pytest.raises(walpool.ClosedError, match="prepared statement is closed"):
            call()
    assert prepared.columns == ("1",)
    assert users.query("SELECT 1") == [(1,)]


def test_prepare__a_cursor_outlives_it(users):
    prepared = users.prepare("SELECT name FROM user")
    cursor = prepared.iterate()
    prepared.close()
    assert len(list(cursor)) == 3


def test_prepare__it_belongs_to_one_database(users, tmp_path):
    prepared = users.prepare("SELECT 1")
    with walpool.open(tmp_path / "other.db") as other:
        with pytest.raises(walpool.MisuseError, match="another database"):
            other.query(prepared)


def test_prepare__after_the_database_was_closed(tmp_path):
    with walpool.open(tmp_path / "a.db") as db:
        prepared = db.prepare("SELECT 1")
        with pytest.raises(walpool.ClosedError):
            with walpool.open(tmp_path / "b.db") as other:
                closed = other
            closed.prepare("SELECT 1")
    with pytest.raises(walpool.ClosedError, match="database"):
        prepared.query()
    prepared.close()


def test_prepare__it_survives_a_change_of_the_schema(users):
    prepared = users.prepare("SELECT * FROM user WHERE id = 1")
    assert prepared.query_one(row=dict) == {"id": 1, "name": "Ada"}
    users.execute("ALTER TABLE user ADD COLUMN age DEFAULT 36")
    assert prepared.query_one(row=dict) == {"id": 1, "name": "Ada", "age": 36}
    users.execute("DROP TABLE user")
    with pytest.raises(walpool.SqlError, match="user"):
        prepared.query()


def test_prepare__it_is_neither_copied_nor_pickled(users):
    prepared = users.prepare("SELECT 1")
    for make in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="prepare it again"):
            make(prepared)


def test_prepare__many_are_made_and_collected(users):
    for i in range(3000):
        assert users.prepare(f"SELECT {i % 7}").query() == [(i % 7,)]
    gc.collect()
    assert users.prepare("SELECT 5").query() == [(5,)]


def test_prepare__threads_share_it(users):
    prepared = users.prepare("SELECT name FROM user WHERE id = ?")
    names = {1: "Ada", 2: "Grace", 3: "Alan"}
    wrong = []

    def run():
        for i in range(300):
            id = i % 3 + 1
            if prepared.query((id,)) != [(names[id],)]:
                wrong.append(id)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_prepare__a_child_leaves_it_alone(tmp_path):
    program = (
        "import os, sys, walpool\n"
        "db = walpool.open(sys.argv[1])\n"
        "prepared = db.prepare('SELECT 1')\n"
        "if os.fork() == 0:\n"
        "    try:\n"
        "        prepared.query()\n"
        "    except walpool.ForkedError:\n"
        "        del prepared\n"
        "        os._exit(7)\n"
        "    os._exit(1)\n"
        "assert os.waitstatus_to_exitcode(os.wait()[1]) == 7\n"
        "assert prepared.query() == [(1,)]\n"
        "db.close()\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "a.db"], check=True, timeout=60)
