"""Threads: the GIL, deadlines, cancelling, many at once."""

from __future__ import annotations

import _thread
import sys
import threading

import pytest
from conftest import ENDLESS, Thread, await_that

import walpool


@pytest.fixture
def switching():
    """Threads change only where one gives the GIL up by itself."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.5)
    yield
    sys.setswitchinterval(before)


def test_gil__is_given_up_by_a_call_that_runs_long(db, switching):
    token, steps = walpool.Token(), []

    def watch():
        while not steps:
            pass  # gets the GIL only when the query lets go of it
        token.cancel()

    watcher = Thread(watch)
    steps.append(1)
    with pytest.raises(walpool.CancelledError):
        db.query(ENDLESS.format("count(*)"), timeout=60, token=token)
    watcher.result()


def test_gil__is_given_up_by_a_call_that_waits(path, switching):
    with walpool.open(path, readers=1) as db:
        r = db.read()
        waiter = Thread(lambda: db.query("SELECT 1", timeout=60))
        await_that(lambda: db.health().reader_waiters == 1)
        r.close()
        assert waiter.result() == [(1,)]


def test_gil__is_kept_by_short_calls(db, switching):
    """A busy thread counts whenever it has the GIL. Rounds in which a query
    took long because the machine was busy do not count."""
    counter, stop = [0], []

    def busy():
        while not stop:
            counter[0] += 1

    def quiet_round():
        before = counter[0]
        for _ in range(20):
            db.query("SELECT 1")
        return counter[0] == before

    db.query("SELECT 1")
    thread = Thread(busy)
    try:
        await_that(quiet_round)
    finally:
        stop.append(1)
    thread.result()


def test_threads__read_and_write_at_once(users):
    readers, writers, each = 4, 3, 40
    errors = []
    users.script("CREATE TABLE hit (n)")

    def write():
        for i in range(each):
            with users.write(why="count") as w:
                top = w.query_one("SELECT count(*) FROM hit")[0]
                w.execute("INSERT INTO hit VALUES (?)", (top + 1,))

    def read():
        last = 0
        while last < writers * each:
            with users.read() as r:
                got = r.query_one("SELECT count(*), coalesce(max(n), 0) FROM hit")
                again = r.query_one("SELECT count(*) FROM hit")[0]
            if not got[0] == got[1] == again >= last:
                errors.append((got, again, last))
                return
            last = again

    threads = [Thread(write) for _ in range(writers)] + [Thread(read) for _ in range(readers)]
    for thread in threads:
        thread.result()
    assert errors == []
    health = users.health()
    assert (health.errors, health.readers_leased, health.writer_leased) == (0, 0, 0)


def test_threads__share_a_cursor_without_harm(db):
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT i FROM n"
    cursor, seen = db.iterate(sql), []

    def take():
        mine = []
        while True:
            try:
                mine.append(next(cursor)[0])
            except StopIteration:
                break
            except walpool.BusyError:
                continue
        seen.append(mine)

    for thread in [Thread(take) for _ in range(3)]:
        thread.result()
    rows = sorted(row for mine in seen for row in mine)
    assert rows == list(range(1, 300001))


def test_close__while_others_read_is_clean(path):
    db = walpool.open(path)
    started = threading.Semaphore(0)

    def read():
        started.release()
        try:
            while True:
                db.query("SELECT 1")
        except walpool.ClosedError:
            return "closed"

    threads = [Thread(read) for _ in range(3)]
    for _ in threads:
        started.acquire()
    db.close()
    assert [thread.result() for thread in threads] == ["closed"] * 3


def test_deadline__ends_a_statement(db):
    with pytest.raises(walpool.TimeoutError, match="50 ms") as caught:
        db.query(ENDLESS.format("count(*)"), timeout=0.05)
    assert caught.value.phase == "execute"
    assert caught.value.status == "WALPOOL_TIMEOUT"
    assert isinstance(caught.value, TimeoutError)


def test_deadline__is_one_for_all_blocks_of_a_query(db):
    with pytest.raises(walpool.TimeoutError):
        db.query(ENDLESS.format("i"), timeout=0.2)
    assert db.health().readers_leased == 0


def test_deadline__of_calls_that_name_none_bounds_their_wait_only(path):
    with walpool.open(path, busy_timeout=0.05, readers=1) as db:
        token = walpool.Token()
        other = Thread(lambda: db.query(ENDLESS.format("count(*)"), token=token))
        await_that(lambda: db.health().readers_leased == 1)
        with pytest.raises(walpool.TimeoutError, match="50 ms"):
            db.query("SELECT 1")
        await_that(lambda: db.health().oldest_lease_us > 100_000)
        token.cancel()
        with pytest.raises(walpool.CancelledError):
            other.result()


@pytest.mark.parametrize("timeout", [-1, -0.001, float("nan"), "1", b"1", [1]])
def test_deadline__must_be_a_number_of_seconds(db, timeout):
    calls = (
        lambda: db.query("SELECT 1", timeout=timeout),
        lambda: db.execute("SELECT 1", timeout=timeout),
        lambda: db.read(timeout=timeout),
        lambda: db.write(timeout=timeout),
        lambda: db.checkpoint(timeout=timeout),
        lambda: db.batch(["SELECT 1"], timeout=timeout),
        lambda: db.close(timeout=timeout),
    )
    for call in calls:
        with pytest.raises(walpool.MisuseError, match="timeout is"):
            call()


@pytest.mark.parametrize("timeout", [0, 0.0, 1e-9, 1, 10**6, 1e300, float("inf"), True])
def test_deadline__may_be_of_any_length(db, timeout):
    assert db.query("SELECT 1", timeout=timeout) == [(1,)]


def test_token__cancels_what_runs_and_what_comes(db):
    token = walpool.Token()
    assert repr(token) == "<walpool.Token>"
    other = Thread(lambda: db.query(ENDLESS.format("count(*)"), timeout=60, token=token))
    await_that(lambda: db.health().readers_leased == 1)
    assert not token.cancelled
    token.cancel()
    token.cancel()
    assert token.cancelled
    assert repr(token) == "<walpool.Token cancelled>"
    with pytest.raises(walpool.CancelledError) as caught:
        other.result()
    assert caught.value.phase == "execute"
    for call in (db.query, db.execute, db.query_one, db.iterate):
        with pytest.raises(walpool.CancelledError):
            call("SELECT 1", token=token)
    with pytest.raises(walpool.CancelledError):
        db.read(token=token)
    assert db.query("SELECT 1") == [(1,)]


def test_token__cancels_a_wait_for_the_writer(db):
    token = walpool.Token()
    with db.write():
        other = Thread(lambda: db.write(timeout=60, token=token))
        await_that(lambda: db.health().writer_waiters == 1)
        token.cancel()
        with pytest.raises(walpool.CancelledError) as caught:
            other.result()
    assert caught.value.phase == "queue"


def test_token__cancels_a_cursor_between_blocks(db):
    token = walpool.Token()
    cursor = db.iterate(ENDLESS.format("i"), token=token)
    next(cursor)
    token.cancel()
    with pytest.raises(walpool.CancelledError):
        for _ in cursor:
            pass
    assert db.health().readers_leased == 0


@pytest.mark.parametrize("token", [1, "token", object()])
def test_token__must_be_one(db, token):
    with pytest.raises(walpool.MisuseError, match="token is of type"):
        db.query("SELECT 1", token=token)


def test_interrupt__ends_a_query_of_many_blocks(db):
    timer = threading.Timer(0.05, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        db.query(ENDLESS.format("i"), timeout=60)
        await_that(lambda: False)
    timer.join()
    assert db.health().readers_leased == 0
