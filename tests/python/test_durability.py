"""Durability of single calls. The counter of syncs tells who has waited for the
disk."""

from __future__ import annotations

import pytest

import walpool

ADD = "INSERT INTO t (a) VALUES (?)"
BAD = [
    ("durable", "durability is 'durable'; pass \"normal\", \"full\""),
    ("FULL", "durability is 'FULL'"),
    ("", "durability is ''"),
    ("full\0", "durability is 'full"),
    ("\ud800", "durability is"),
    ("x" * 10_000, "durability is"),
    (b"full", "durability is of type bytes"),
    (True, "durability is of type bool"),
    (1, "durability is of type int"),
    (("normal", "full"), "durability is of type tuple"),
]


@pytest.fixture
def open_db(path):
    opened = []

    def make(durability="normal", **options):
        db = walpool.open(path, durability=durability, **options)
        opened.append(db)
        db.execute("CREATE TABLE t (a)")
        return db

    yield make
    for db in opened:
        db.close()


def syncs_of(db, call):
    before = db.health().syncs
    call()
    return db.health().syncs - before


def writes(db, durability):
    """One call of every kind that commits."""
    options = {"durability": durability}
    yield lambda: db.execute(ADD, (1,), **options)
    yield lambda: db.execute("INSERT INTO t (a) VALUES (1) RETURNING a", **options)
    yield lambda: db.executemany(ADD, [(1,), (2,)], **options)
    yield lambda: db.executemany(ADD, ((i,) for i in range(70_000)), **options)
    yield lambda: db.executemany(ADD, [(1,)], expect=1, **options)
    yield lambda: db.script("DELETE FROM t; INSERT INTO t (a) VALUES (1)", **options)
    yield lambda: db.batch([(ADD, (1,)), "DELETE FROM t"], **options)


def test_full__waits_for_the_disk_where_the_database_does_not(open_db):
    db = open_db("normal")
    assert [syncs_of(db, call) for call in writes(db, None)] == [0] * 7
    assert [syncs_of(db, call) for call in writes(db, "normal")] == [0] * 7
    assert [syncs_of(db, call) for call in writes(db, "full")] == [1] * 7


def test_normal__does_not_wait_for_the_disk_where_the_database_does(open_db):
    db = open_db("full")
    assert [syncs_of(db, call) for call in writes(db, None)] == [1] * 7
    assert [syncs_of(db, call) for call in writes(db, "full")] == [1] * 7
    assert [syncs_of(db, call) for call in writes(db, "normal")] == [0] * 7


def test_full__of_a_write_that_changes_nothing_waits_for_what_it_saw(open_db):
    db = open_db("normal")
    for call in (
        lambda: db.execute("DELETE FROM t WHERE a = 'none'", durability="full"),
        lambda: db.executemany(ADD, [], durability="full"),
    ):
        db.execute(ADD, (1,))
        assert syncs_of(db, call) == 1


def put(writer):
    writer.execute(ADD, (1,))


def test_writer__commits_as_it_was_taken_begun_or_told(open_db):
    db = open_db("normal")
    with db.write(durability="full") as w:
        put(w)
        with w.savepoint():
            put(w)
        assert syncs_of(db, w.commit) == 1
        w.begin()
        put(w)
        assert syncs_of(db, w.commit) == 1
        w.begin()
        put(w)
        assert syncs_of(db, lambda: w.commit(durability="normal")) == 0
        w.begin(durability="normal")
        put(w)
        assert syncs_of(db, w.commit) == 0
        w.begin()
        put(w)
        assert syncs_of(db, lambda: w.commit(durability="full")) == 1
    assert db.query("SELECT count(*) FROM t") == [(6,)]


def test_writer__commits_as_durably_at_the_end_of_its_block(open_db):
    db = open_db("normal")

    def block(**options):
        with db.write(**options) as w:
            put(w)

    assert syncs_of(db, block) == 0
    assert syncs_of(db, lambda: block(durability="full")) == 1


def test_writer__commits_as_durably_by_text(open_db):
    db = open_db("normal")
    with db.write(durability="full") as w:
        put(w)
        assert syncs_of(db, lambda: w.execute("COMMIT")) == 1
        w.execute("BEGIN")
        put(w)
        assert syncs_of(db, lambda: w.execute("END")) == 1


def reads(db, durable):
    yield lambda: db.query("SELECT a FROM t", durable=durable)
    yield lambda: db.query_one("SELECT a FROM t", durable=durable)
    yield lambda: list(db.iterate("SELECT a FROM t", durable=durable))
    yield lambda: db.read(durable=durable).close()


def test_durable__waits_until_what_was_seen_is_on_the_disk(open_db):
    db = open_db("normal")
    for index in range(4):
        db.execute(ADD, (1,))
        assert [syncs_of(db, call) for call in reads(db, False)] == [0] * 4
        assert syncs_of(db, list(reads(db, True))[index]) == 1
        assert [syncs_of(db, call) for call in reads(db, True)] == [0] * 4  # it is there


def test_durable__gives_large_results_whole(open_db):
    db = open_db("normal")
    db.executemany(ADD, ((i,) for i in range(100_000)))
    wanted = [(i,) for i in range(100_000)]
    assert db.query("SELECT a FROM t", durable=True) == wanted
    with db.iterate("SELECT a FROM t", durable=True) as rows:
        assert list(rows) == wanted


def test_durable__holds_for_a_snapshot_and_its_fresh(open_db):
    db = open_db("normal")
    db.execute(ADD, (1,))
    with db.read() as r:
        db.execute(ADD, (2,))
        assert syncs_of(db, lambda: r.fresh(durable=True)) == 1
        db.execute(ADD, (3,))
        assert syncs_of(db, r.fresh) == 0
        assert len(r.query("SELECT a FROM t")) == 3


def test_durable__is_no_property_of_a_query_on_a_lease(open_db):
    db = open_db("normal")
    with db.read() as r, db.write() as w:
        for lease in (r, w):
            for query in (lease.query, lease.query_one, lease.iterate):
                with pytest.raises(walpool.MisuseError, match="lease"):
                    query("SELECT 1", durable=True)
                query("SELECT 1", durable=False)


@pytest.mark.parametrize("durable", [None, 1, 0, "yes", "", 1.0, b"", []])
def test_durable__must_be_bool(open_db, durable):
    db = open_db("normal")
    calls = list(reads(db, durable))
    with db.read() as r:
        for call in (*calls, lambda: r.fresh(durable=durable)):
            with pytest.raises(walpool.MisuseError, match="durable is of type"):
                call()
        assert r.query("SELECT 1") == [(1,)]


@pytest.mark.parametrize(("durability", "said"), BAD, ids=range(len(BAD)))
def test_durability__of_another_kind_is_refused_before_anything_runs(open_db, durability, said):
    db = open_db("normal")
    before = db.health()
    for call in (*writes(db, durability), lambda: db.write(durability=durability)):
        with pytest.raises(walpool.MisuseError, match=said) as caught:
            call()
        assert len(str(caught.value)) < 300
    with db.write() as w:
        with pytest.raises(walpool.MisuseError, match=said):
            w.commit(durability=durability)
        w.rollback()
        with pytest.raises(walpool.MisuseError, match=said):
            w.begin(durability=durability)
    after = db.health()
    assert (after.writes, after.errors) == (before.writes, before.errors)


def test_sync__that_fails_leaves_the_outcome_unknown(open_db, path):
    db = open_db("normal")
    db.query("SELECT a FROM t")
    wal = path.with_name(path.name + "-wal")
    wal.rename(path.with_name("elsewhere"))
    with pytest.raises(walpool.PoisonedError, match="the commit is visible") as caught:
        with db.write(durability="full") as w:
            put(w)
    assert caught.value.outcome == "unknown"
    assert w.closed
    assert db.query("SELECT a FROM t") == [(1,)]
    with pytest.raises(walpool.PoisonedError):
        db.query("SELECT a FROM t", durable=True)
    with pytest.raises(walpool.PoisonedError):
        db.read(durable=True)
    path.with_name("elsewhere").rename(wal)


def test_durability__of_a_closed_database_or_writer_is_still_a_closed_one(path):
    db = walpool.open(path)
    w = db.write()
    w.rollback()
    w.close()
    db.close()
    for call in (
        lambda: db.execute("CREATE TABLE x (a)", durability="full"),
        lambda: db.query("SELECT 1", durable=True),
        lambda: db.read(durable=True),
        lambda: db.write(durability="full"),
        lambda: w.begin(durability="full"),
        lambda: w.commit(durability="full"),
    ):
        with pytest.raises(walpool.ClosedError):
            call()
