"""Health, checkpoints, versions."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import jsonschema
import pytest
from conftest import ENDLESS, Thread, await_that

from prometheus_client.parser import text_string_to_metric_families

import walpool

SCHEMA = Path(__file__).parents[2] / "bindings" / "health.schema.json"
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


def check_schema(db):
    told = json.loads(db.health().to_json())
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(told)
    return told


def test_health__keeps_to_its_schema(path):
    with walpool.open(path, readers=1, lease_warn=0) as db:
        assert check_schema(db)["reasons"] == []
        with db.read(why='a "report"\n') as r, db.write(why="import"):
            r.query("SELECT 1")
            await_that(lambda: db.health().leases_long == 2)
            told = check_schema(db)
    assert [reason["code"] for reason in told["reasons"]] == ["lease_overdue"]
    assert [(lease["kind"], lease["holder"]) for lease in told["leases"]] == [("read", "lease"), ("write", "lease")]


def test_health__has_a_schema_that_refuses_what_is_not_health(db):
    schema = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    for name, value in (("verdict", "fine"), ("reads", -1), ("reads", "1"), ("reasons", [{}]), ("more", 1)):
        told = json.loads(db.health().to_json())
        told[name] = value
        assert list(schema.iter_errors(told)), name
    told = json.loads(db.health().to_json())
    del told["leases"]
    assert list(schema.iter_errors(told))


def test_health__gives_reasons_with_remedies(path):
    with walpool.open(path, lease_warn=0) as db, db.read(why="report"):
        await_that(lambda: db.health().verdict == "degraded")
        (reason,) = db.health().reasons
        assert (reason.code, reason.verdict) == ("lease_overdue", "degraded")
        assert "report" in reason.text and "release it" in reason.remedy
        assert db.health().reason == f"{reason.text}: {reason.remedy}"


def families(db):
    return {family.name: family for family in text_string_to_metric_families(db.metrics())}


def test_metrics__are_read_by_the_parser_of_prometheus(users):
    users.query("SELECT 1")
    users.execute("DELETE FROM user")
    health, found = users.health(), families(users)
    for name in ("readers_limit", "wal_bytes", "wal_frames", "disk_free_bytes", "turns"):
        family = found[f"walpool_{name}"]
        assert family.type == "gauge"
        assert [(s.labels, s.value) for s in family.samples] == [({"database": health.path}, getattr(health, name))]
    for name in ("writes", "reads", "errors", "checkpoints"):
        family = found[f"walpool_{name}"]
        assert family.type == "counter"
        assert [(s.name, s.value) for s in family.samples] == [(f"walpool_{name}_total", getattr(health, name))]
    assert found["walpool_commit_max_seconds"].samples[0].value == health.commit_max_us / 1e6
    assert all(family.documentation for family in found.values())


def test_metrics__have_histograms_whose_buckets_grow_to_their_count(users):
    for n in range(20):
        users.execute("INSERT INTO user (name) VALUES (?)", (str(n),))
    found = [family for family in families(users).values() if family.type == "histogram"]
    assert len(found) == 7
    for family in found:
        samples = {s.name.removeprefix(family.name): s.value for s in family.samples}
        buckets = [(float(s.labels["le"]), s.value) for s in family.samples if s.name.endswith("_bucket")]
        assert buckets == sorted(buckets)
        assert [count for _, count in buckets] == sorted(count for _, count in buckets)
        assert buckets[-1] == (float("inf"), samples["_count"])
        assert samples["_sum"] >= 0
    commits = families(users)["walpool_commit_seconds"]
    assert [s.value for s in commits.samples if s.name.endswith("_count")][0] >= 20


def test_metrics__escape_a_path_that_has_everything(tmp_path):
    name = str(tmp_path / 'a "b" \\ \n {c="d"} \u00e4.db')
    with walpool.open(name) as db:
        labels = families(db)["walpool_verdict"].samples[0].labels
        assert labels == {"database": db.health().path}


def test_metrics__name_the_reasons(path):
    with walpool.open(path, lease_warn=0) as db, db.read():
        await_that(lambda: db.health().verdict == "degraded")
        found = families(db)
        assert found["walpool_verdict"].samples[0].value == 1
        reasons = {s.labels["reason"]: s.value for s in found["walpool_reason"].samples}
    assert reasons.pop("lease_overdue") == 1
    assert set(reasons.values()) == {0}


def test_probe__commits_what_is_there_already(users):
    users.execute("PRAGMA user_version=7")
    before = users.health()
    probe = users.probe(timeout=20)
    assert min(probe) >= 0
    assert probe.total_us >= probe.writer_us + probe.write_us + probe.commit_us + probe.read_us
    after = users.health()
    assert (after.writes, after.reads) == (before.writes + 1, before.reads + 1)
    assert users.query("PRAGMA user_version") == [(7,)]


def test_probe__waits_for_the_writer_without_the_gil(users):
    token = walpool.Token()
    writer = users.write(why="migration")
    other = Thread(lambda: users.probe(timeout=60, token=token))
    await_that(lambda: users.health().writer_waiters == 1)
    token.cancel()
    with pytest.raises(walpool.CancelledError):
        other.result()
    with pytest.raises(walpool.DeadlockError):
        users.probe()
    writer.close()
    users.probe()


def test_probe__only_reads_a_read_only_database(path):
    with walpool.open(path) as db:
        db.execute("CREATE TABLE t(v)")
    with walpool.open(path, mode="ro") as db:
        probe = db.probe()
    assert probe[:3] == (-1, -1, -1)
    assert probe.read_us >= 0


def test_metrics_and_probe__after_close(path):
    db = walpool.open(path)
    db.close()
    for call in (db.metrics, db.probe, db.health):
        with pytest.raises(walpool.ClosedError):
            call()
