"""The proofs: what must hold when all is done. They come from the database and
the input, not from what a process says of itself."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import walpool
from child import Child
from records import Record, decode, dependencies, fields
from takeover import Kill
from words import count, group, some


@dataclass(frozen=True, slots=True)
class Proof:
    name: str
    holds: bool
    text: str  # what was found


class Answer(NamedTuple):
    """What one record must lead to."""

    line: int
    digest: bytes
    depends: tuple[str, ...]


class TakeOver(NamedTuple):
    job: int
    attempt: int
    worker: str
    before: str  # the worker that had it
    late_ms: int  # after the end of that one's lease; negative is wrong


STATES = "SELECT line, state FROM job"
ANSWERS = """
SELECT job.line, result.digest, result.depends FROM result JOIN job ON job.id = result.job
"""
TAKE_OVERS = """
SELECT * FROM (
    SELECT job, attempt, holder, lag(holder) OVER before, at - lag(expires) OVER before
      FROM claim WINDOW before AS (PARTITION BY job ORDER BY attempt)
) WHERE attempt > 1
"""
DONE_BY = "SELECT job FROM result WHERE holder LIKE ? || '/%'"


def expected(records: Iterable[Record]) -> list[Answer]:
    return [
        Answer(
            record.line,
            hashlib.sha256(record.raw).digest(),
            tuple(dependencies(fields(decode(record.raw)))),
        )
        for record in records
    ]


def answers(db: walpool.Database) -> list[Answer]:
    return [
        Answer(line, digest, tuple(json.loads(depends)))
        for line, digest, depends in db.iterate(ANSWERS)
    ]


def take_overs(db: walpool.Database) -> list[TakeOver]:
    return [TakeOver(*row) for row in db.query(TAKE_OVERS)]


# ----------------------------------------------------------------- the proofs


def done_once(db: walpool.Database, want: list[Answer], got: list[Answer]) -> Proof:
    times = Counter(answer.line for answer in got)
    states: dict[int, str] = dict(db.query(STATES))
    wrong = [a.line for a in want if times[a.line] != 1 or states.get(a.line) != "done"]
    holds = not wrong and len(got) == len(want) == len(states)
    text = f"{group(len(want) - len(wrong))} of {group(len(want))} well-formed records are done exactly once"
    if wrong:
        text += some("; not so those in line", wrong)
    return Proof("done_once", holds, text)


def digests(want: list[Answer], got: list[Answer]) -> Proof:
    wrong = {answer.line for answer in set(want) ^ set(got)}
    text = (
        f"{group(len(want) - len(wrong))} of {group(len(want))} digests and dependency lists "
        "equal those computed from the input"
    )
    if wrong:
        text += some("; not those of the records in line", wrong)
    return Proof("digests", not wrong, text)


def lock_errors(summaries: list[dict[str, Any]]) -> Proof:
    counts = {each["title"]: each["lock_errors"] for each in summaries if each["lock_errors"]}
    text = f"{sum(counts.values())} 'locked', 'busy' or timeout errors in {len(summaries)} processes"
    if counts:
        text += ": " + ", ".join(f"{count} in {title}" for title, count in counts.items())
    return Proof("lock_errors", not counts, text)


def leases(found: list[TakeOver]) -> Proof:
    early = {each.job for each in found if each.late_ms < 0}
    if early:
        return Proof("leases", False, some("taken while another's lease ran: job", early))
    jobs = len({each.job for each in found})
    text = f"{count(jobs, 'job')} claimed again, each time after the lease had run out"
    return Proof("leases", True, text if jobs else "no job was claimed twice")


def killed(db: walpool.Database, kill: Kill, found: list[TakeOver]) -> Proof:
    victim = kill.victim
    if victim.holding is None or not victim.killed:
        text = f"the {victim.title} were not killed: the jobs ended before"
        return Proof("taken_over", False, text)
    held = {*kill.held, victim.holding}
    own = {job for job, in db.query(DONE_BY, (victim.holder,))}
    left = held - {each.job for each in found} | held & own
    if left:
        text = some(f"not taken over from the {victim.title}, which were killed: job", left)
        return Proof("taken_over", False, text)
    text = f"{count(len(held), 'job')} taken over from the {victim.title}, which SIGKILL ended"
    return Proof("taken_over", True, text)


def integrity(db: walpool.Database) -> Proof:
    found = [text for text, in db.query("PRAGMA integrity_check")]
    return Proof("integrity", found == ["ok"], f"integrity check: {'; '.join(found[:3])}")


def closed(path: Path) -> Proof:
    left = [path.name + end for end in ("-wal", "-shm") if Path(f"{path}{end}").exists()]
    text = f"after the last close there is still {' and '.join(left)}"
    return Proof("closed", not left, text if left else "-wal and -shm are gone after the last close")


def processes(children: list[Child]) -> Proof:
    """Whoever ended otherwise has failed the demo before this."""
    by_kill = [child.name for child in children if child.killed]
    text = f"{len(children)} processes ended by themselves"
    if by_kill:
        text = f"{len(children) - 1} processes ended by themselves, {by_kill[0]} by SIGKILL"
    return Proof("ended", all(not child.running for child in children), text)
