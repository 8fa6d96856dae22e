"""The proofs can fail: each is shown a database in which it must."""

import hashlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

HERE = Path(__file__).resolve().parent
SITE = next((HERE.parents[1] / "build" / "demo" / "python" / "lib").glob("python*/site-packages"))
sys.path[:0] = [str(HERE), str(SITE)]

import jobs  # noqa: E402
import proofs  # noqa: E402
import records  # noqa: E402
import walpool  # noqa: E402

RECORDS = [records.Record(1, b"Package: a\nDepends: x"), records.Record(4, b"Package: b")]
CLAIM = "UPDATE job SET state = 'taken', holder = ?, expires = ?, attempts = attempts + 1 WHERE id = ?"
RESULT = "INSERT INTO result VALUES (?, ?, ?, ?, ?)"


@pytest.fixture
def db(tmp_path):
    with walpool.open(tmp_path / "jobs.db") as opened:
        opened.script(jobs.SCHEMA)
        rows = [(each.line, each.raw.decode()) for each in RECORDS]
        opened.executemany("INSERT INTO job (line, record) VALUES (?, ?)", rows)
        yield opened


def claim(db, job, holder="go-1/1", lease_ms=0):
    now = db.query("SELECT ms FROM clock")[0][0]
    db.execute(CLAIM, (holder, now + lease_ms, job))


def finish(db, job, holder="go-1/1"):
    """As a worker does, but without asking who has the job."""
    record = RECORDS[job - 1].raw
    depends = records.dependencies(records.fields(record.decode()))
    digest = hashlib.sha256(record).digest()
    db.execute(RESULT, (job, holder, 1, digest, json.dumps(depends)))
    db.execute("UPDATE job SET state = 'done' WHERE id = ?", (job,))


def done_once(db):
    return proofs.done_once(db, proofs.expected(RECORDS), proofs.answers(db))


def digests(db):
    return proofs.digests(proofs.expected(RECORDS), proofs.answers(db))


def test_proofs__hold_when_all_is_done(db):
    for job in (1, 2):
        claim(db, job)
        finish(db, job)
    assert done_once(db).holds
    assert digests(db).holds
    assert proofs.leases(proofs.take_overs(db)).holds
    assert proofs.integrity(db).holds


def test_proofs__see_a_job_that_is_not_done(db):
    finish(db, 1)
    assert not done_once(db).holds
    assert done_once(db).text.startswith("1 of 2")
    assert "line 4" in done_once(db).text


def test_proofs__see_a_job_that_is_done_twice(db):
    for job in (1, 2, 2):
        finish(db, job)
    assert not done_once(db).holds
    assert "line 4" in done_once(db).text


def test_proofs__see_a_job_that_no_record_asks_for(db):
    finish(db, 1)
    finish(db, 2)
    db.execute("INSERT INTO job (line, record, state) VALUES (9, 'x: y', 'done')")
    assert not done_once(db).holds


def test_proofs__see_a_result_without_its_state(db):
    finish(db, 1)
    finish(db, 2)
    db.execute("UPDATE job SET state = 'taken' WHERE id = 1")
    assert not done_once(db).holds


@pytest.mark.parametrize("change", ["digest = x'00'", "depends = '[\"y\"]'"])
def test_proofs__see_a_wrong_answer(db, change):
    finish(db, 1)
    finish(db, 2)
    db.execute(f"UPDATE result SET {change} WHERE job = 1")
    assert not digests(db).holds
    assert "line 1" in digests(db).text


def test_proofs__see_a_claim_while_the_lease_runs(db):
    claim(db, 1, lease_ms=60000)
    claim(db, 1, holder="node-2/1")
    found = proofs.leases(proofs.take_overs(db))
    assert not found.holds
    assert "job 1" in found.text


def kill(held, holding):
    victim = SimpleNamespace(holder="go-1", title="Go workers", killed=True, holding=holding)
    return SimpleNamespace(victim=victim, held=held)


def test_proofs__see_a_job_that_nobody_took_over(db):
    claim(db, 1)
    claim(db, 2)
    claim(db, 1, holder="node-2/1")
    finish(db, 1, holder="node-2/1")
    taken_over = proofs.take_overs(db)
    assert proofs.killed(db, kill([1], 1), taken_over).holds
    assert not proofs.killed(db, kill([1, 2], 1), taken_over).holds


def test_proofs__see_a_kill_that_did_not_happen(db):
    assert not proofs.killed(db, kill([], None), []).holds


def test_proofs__see_lock_errors(db):
    fine, locked = {"title": "a", "lock_errors": 0}, {"title": "b", "lock_errors": 3}
    assert proofs.lock_errors([fine]).holds
    assert not proofs.lock_errors([fine, locked]).holds
    assert "3 in b" in proofs.lock_errors([fine, locked]).text


def test_proofs__see_damage():
    damaged = SimpleNamespace(query=lambda _: [("row 1 missing from index job_open",)])
    found = proofs.integrity(damaged)
    assert not found.holds
    assert "missing from index" in found.text


def test_proofs__see_a_wal_that_is_left(db, tmp_path):
    assert not proofs.closed(tmp_path / "jobs.db").holds
    db.close()
    assert proofs.closed(tmp_path / "jobs.db").holds
