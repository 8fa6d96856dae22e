"""Health, checkpoints, versions."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from conftest import ENDLESS, Thread, await_that

import walpool

HEADER = Path(__file__).parents[2] / "include" / "walpool.h"


def test_health__has_the_names_of_the_header():
    text = HEADER.read_text()
    block = text[text.index("#define WALPOOL_HEALTH_LIST") : text.index("#define WALPOOL_REASON_LIST")]
    names = re.findall(r'X\((\w+), "', block)
    fields = [field.name for field in dataclasses.fields(walpool.Health)]
    assert len(names) > 25
    assert [name for name in fields if name in names] == names
    assert set(fields) - set(names) == {"verdict", "reason", "reasons", "oldest_why", "dirty_why", "path", "json"}


def test_health__counts(users):
    before = users.health()
    users.query("SELECT 1")
    users.execute("DELETE FROM user")
    with pytest.raises(walpool.SqlError):
        users.query("SELECT nothing")
    after = users.health()
    assert after.reads == before.reads + 1
    assert after.writes == before.writes + 1
    assert after.errors == before.errors + 1
    assert (after.verdict, after.reason) == ("ok", "")
    assert after.wal_bytes > 0


def test_health__is_json_with_the_same_numbers(users):
    health = users.health()
    told = json.loads(health.to_json())
    for field in dataclasses.fields(health):
        if field.name not in ("json", "reasons"):
            assert told[field.name] == getattr(health, field.name)
    assert told["walpool"] == walpool.version().walpool


def test_health__does_not_wait_for_anything(path):
    with walpool.open(path, readers=1) as db, db.read(why="long one"):
        with db.write(why="another"):
            health = db.health()
    assert (health.readers_leased, health.writer_leased, health.oldest_why) == (1, 1, "long one")


def test_checkpoint__in_every_mode(users):
    for mode in ("passive", "full", "restart", "truncate"):
        users.execute("INSERT INTO user (name) VALUES (?)", (mode,))
        result = users.checkpoint(mode)
        assert result.outcome == "complete"
        assert result.busy is False
        assert result.log_frames == result.checkpointed_frames
    assert users.health().wal_bytes == 0


def test_checkpoint__is_partial_while_a_reader_holds_back(users):
    with users.read():
        users.execute("INSERT INTO user (name) VALUES ('x')")
        result = users.checkpoint("truncate", timeout=0.05)
        assert result.outcome in ("partial", "not_reset")
        assert result.busy is True


def test_checkpoint__waits_for_the_writer_without_the_gil(users):
    token = walpool.Token()
    writer = users.write()
    other = Thread(lambda: users.checkpoint("truncate", timeout=60, token=token))
    await_that(lambda: users.health().writer_waiters == 1)
    token.cancel()
    with pytest.raises(walpool.CancelledError):
        other.result()
    writer.close()


def test_version__is_told():
    version = walpool.version()
    assert re.fullmatch(r"\d+\.\d+\.\d+", version.walpool)
    assert re.fullmatch(r"3\.\d+\.\d+", version.sqlite)
    assert version.sqlite_number >= 3035000
    assert isinstance(version.sqlite_bundled, bool)
    assert isinstance(version.wal_reset_safe, bool)
    major, minor, patch = map(int, version.walpool.split("."))
    assert walpool.version_number() == major * 10000 + minor * 100 + patch


def test_health__names_a_reader_that_runs(db):
    token = walpool.Token()
    other = Thread(lambda: db.query(ENDLESS.format("count(*)"), timeout=60, why="endless", token=token))
    await_that(lambda: db.health().oldest_why == "endless")
    token.cancel()
    with pytest.raises(walpool.CancelledError):
        other.result()
