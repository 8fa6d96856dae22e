"""The tables, and what the reader asks of them."""

from __future__ import annotations

from typing import NamedTuple

import walpool

# The lease's clock is SQLite's, the same for all. A claim raises `attempts`, and the trigger writes down each of them. `result`
# has no key on purpose: a job that were done twice would show there.
SCHEMA = """
CREATE VIEW clock AS                           -- ms since 1970
    SELECT CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) AS ms;
CREATE TABLE job (
    id       INTEGER PRIMARY KEY,              -- in the order of the input
    line     INTEGER NOT NULL,                 -- where the record begins there
    record   TEXT NOT NULL,
    state    TEXT NOT NULL DEFAULT 'waiting'
             CHECK (state IN ('waiting', 'taken', 'done')),
    holder   TEXT,                             -- of the lease: process/worker
    expires  INTEGER,                          -- of the lease, by the clock
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX job_open ON job (id, state) WHERE state <> 'done';
CREATE TABLE result (
    job      INTEGER NOT NULL REFERENCES job,
    holder   TEXT NOT NULL,
    attempt  INTEGER NOT NULL,
    digest   BLOB NOT NULL,                    -- SHA-256 of the record
    depends  TEXT NOT NULL                     -- JSON: a list of packages
);
CREATE TABLE claim (
    job      INTEGER NOT NULL REFERENCES job,
    attempt  INTEGER NOT NULL,
    holder   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    expires  INTEGER NOT NULL
);
CREATE TRIGGER job_claimed AFTER UPDATE OF attempts ON job BEGIN
    INSERT INTO claim
    SELECT new.id, new.attempts, new.holder, ms, new.expires FROM clock;
END;
"""

# Jobs are never removed, so the greatest id is their number.
PROGRESS = """
SELECT coalesce((SELECT max(id) FROM job), 0),
       (SELECT count(*) FROM job WHERE state <> 'done'),
       (SELECT count(*) FROM job WHERE state <> 'done' AND state = 'taken')
"""

HELD = """
SELECT id FROM job
 WHERE state <> 'done' AND state = 'taken' AND holder LIKE ? || '/%' ORDER BY id
"""

DONE_BY = "SELECT substr(holder, 1, instr(holder, '/') - 1), count(*) FROM result GROUP BY 1"


class Progress(NamedTuple):
    loaded: int
    taken: int
    done: int


def progress(db: walpool.Database) -> Progress:
    loaded, left, taken = db.query(PROGRESS)[0]
    return Progress(loaded, taken, loaded - left)


def held_by(db: walpool.Database, holder: str) -> list[int]:
    """The jobs that the workers of a process have claimed and not done."""
    return [job for job, in db.query(HELD, (holder,))]


def done_by(db: walpool.Database) -> dict[str, int]:
    """How many results each process has stored."""
    return dict(db.query(DONE_BY))
