"""The process that loads the records as jobs, batch by batch.

    loader.py DATABASE INPUT BATCH
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import sys
import time
from collections.abc import Iterator

import walpool
from meter import Meter, lock_error
from records import read

INSERT = "INSERT INTO job (line, record) VALUES (?, ?)"
Batch = list[tuple[int, str]]


def say(event: str, **told: object) -> None:
    print(json.dumps({"event": event, **told}), flush=True)


def batches(data: bytes, size: int) -> Iterator[Batch]:
    records, _ = read(data)
    for begin in range(0, len(records), size):
        yield [(each.line, each.raw.decode()) for each in records[begin : begin + size]]


def load(db: walpool.Database, meter: Meter, batch: Batch) -> None:
    """One batch in one transaction. A lock that is not to be had is counted,
    and does not lose the batch."""
    while True:
        try:
            with meter.call(), db.write(why="load") as writer:
                meter.got_writer()
                writer.executemany(INSERT, batch)
            return
        except walpool.WalpoolError as error:
            if not lock_error(error):
                raise


def heard(patient: bool) -> bytes | None:
    """What standard input says: b"" at its end, None where it says nothing."""
    ready, _, _ = select.select([0], [], [], None if patient else 0)
    return os.read(0, 64) if ready else None


def run(database: str, path: str, size: int) -> None:
    with open(path, "rb") as file:
        data = file.read()
    meter = Meter()
    with walpool.open(database) as db:
        say("ready", sha256=hashlib.sha256(data).hexdigest())
        if heard(patient=True) != b"start\n":
            return
        reported = time.monotonic()
        for batch in batches(data, size):
            load(db, meter, batch)
            if heard(patient=False) == b"":
                break  # the demo has ended, or wants us to
            if time.monotonic() - reported > 0.1:
                say("report", **meter.report(db))
                reported = time.monotonic()
        say("report", **meter.report(db))


if __name__ == "__main__":
    try:
        run(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    except (OSError, walpool.WalpoolError) as error:
        say("failed", error=str(error))
        sys.exit(1)
