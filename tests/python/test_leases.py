"""The list of what is out."""

from __future__ import annotations

import threading

import pytest
from conftest import ENDLESS, Thread, await_that

import walpool


def held(db):
    return [(one.kind, one.holder, one.why) for one in db.leases()]


def test_leases__are_listed_with_their_holders(db):
    assert db.leases() == []
    with db.iterate(ENDLESS.format("i"), why="export") as rows:
        next(rows)
        with db.read(why="report"), db.write(why="import"):
            *readers, writer = held(db)
            assert sorted(readers) == [("read", "cursor", "export"), ("read", "lease", "report")]
            assert writer == ("write", "lease", "import")
    assert db.leases() == []


def test_leases__tell_of_a_call_in_another_thread(db):
    token = walpool.Token()
    other = Thread(lambda: db.query(ENDLESS.format("count(*)"), why="count", timeout=60, token=token))
    await_that(lambda: held(db) == [("read", "call", "count")])
    assert [one.thread for one in db.leases()] == [other.native_id]
    token.cancel()
    with pytest.raises(walpool.CancelledError):
        other.result()
    assert db.leases() == []


def test_leases__tell_thread_age_and_frames(db):
    db.script("CREATE TABLE t (a)")
    with db.read() as r, db.write():
        reader, writer = db.leases()
        assert isinstance(reader, walpool.LeaseInfo)
        assert reader.thread == writer.thread == threading.get_native_id()
        assert reader.frames > 0
        assert writer.frames is None
        assert isinstance(reader.age, float)
        assert 0 <= writer.age <= reader.age < 60
        await_that(lambda: db.leases()[0].age > reader.age)
        assert (reader.why, reader.stack) == ("", ())
        r.fresh()


def test_leases__leave_out_a_writer_between_two_transactions(db):
    with db.write(why="import") as w:
        w.rollback()
        assert db.leases() == []
        w.begin()
        assert held(db) == [("write", "lease", "import")]


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ('a "label"', 'a "label"'),
        ("back\\slash", "back\\slash"),
        ("ünïcode \N{SNOWMAN}", "ünïcode \N{SNOWMAN}"),
        ("new\nline \x01\x7f", "new?line ??"),
    ],
)
def test_leases__keep_what_can_be_printed_of_a_label(db, why, told):
    with db.read(why=why):
        assert [one.why for one in db.leases()] == [told]


def test_leases__are_listed_however_many_there_are(path):
    with walpool.open(path, readers=64, lease_trace=True) as db:
        readers = [db.read(why='"' * 47) for _ in range(64)]
        found = db.leases()
        assert [one.why for one in found] == ['"' * 47] * 64
        for reader in readers:
            reader.close()
        assert db.leases() == []


def test_leases__remember_their_stack_where_asked_to(path):
    with walpool.open(path, lease_trace=True) as db, db.read(), db.write():
        stacks = [one.stack for one in db.leases()]
    if stacks == [(), ()]:
        pytest.skip("this C library cannot tell")
    for stack in stacks:
        assert any("_raw" in call for call in stack), stack


def test_leases__of_a_closed_database_are_an_error(path):
    db = walpool.open(path)
    db.close()
    with pytest.raises(walpool.ClosedError):
        db.leases()


def test_lease_warn__makes_health_name_the_lease(path):
    with walpool.open(path, lease_warn=0.001) as db:
        with db.read(why="nightly report"):
            await_that(lambda: db.health().leases_long == 1)
            health = db.health()
            assert health.verdict == "degraded"
            assert "nightly report" in health.reason
        assert (db.health().verdict, db.health().leases_overdue) == ("ok", 1)
    with walpool.open(path, lease_warn=float("inf")) as db, db.read() as r:
        await_that(lambda: db.leases()[0].age > 0.01)
        assert db.health().verdict == "ok"
        r.fresh()
