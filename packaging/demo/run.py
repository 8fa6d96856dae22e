"""A run from the first process to the last proof, and what came of it."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import proofs
import walpool
from child import Failed
from crew import Crew
from figures import Figures
from jobs import SCHEMA, done_by
from options import Input, Options
from proofs import Proof
from report import Report
from watch import BUILT, Watch

Result = dict[str, Any]


def summaries(watch: Watch, db: walpool.Database) -> list[Result]:
    """What is known of each process; this one is the reader. A killed process
    is known by its last report, a tenth of a second old at most."""
    own = Figures()
    own.add(watch.meter.report(db))
    done = done_by(db)
    return [
        {"name": child.name, "title": child.title, "killed": child.killed}
        | {"jobs": done.get(child.holder, 0)}
        | child.figures.summary()
        for child in watch.crew.children
    ] + [{"name": "reader", "title": "Python reader", "killed": False, "jobs": 0} | own.summary()]


def prove(db: walpool.Database, watch: Watch, result: Result) -> list[Proof]:
    want, got = proofs.expected(watch.source.records), proofs.answers(db)
    taken_over = proofs.take_overs(db)
    result["taken_over"] = [each._asdict() for each in taken_over]
    found = [
        proofs.done_once(db, want, got),
        proofs.digests(want, got),
        proofs.lock_errors(result["processes"]),
        proofs.leases(taken_over),
    ]
    if watch.kill:
        found.append(proofs.killed(db, watch.kill, taken_over))
    return [*found, proofs.processes(watch.crew.children), proofs.integrity(db)]


def outcome(watch: Watch) -> Result:
    version = walpool.version()
    return {
        "ok": False,
        "input": str(watch.source.path),
        "records": watch.view.total,
        "malformed": [
            {"line": each.line, "reason": each.reason} for each in watch.source.malformed
        ],
        "done": watch.view.jobs.done,
        "seconds": round(watch.seconds, 3),
        "jobs_per_second": round(watch.view.jobs.done / watch.seconds, 1),
        "killed": watch.kill.result() if watch.kill else None,
        "walpool": version.walpool,
        "sqlite": version.sqlite,
    }


def work(watch: Watch, db: walpool.Database) -> tuple[Result, list[Proof]]:
    try:
        db.script(SCHEMA)
        watch.start(Path(db.name))
        watch.until_done(db)
        watch.finish(db)
        result = outcome(watch)
        result["processes"] = summaries(watch, db)
        return result, prove(db, watch, result)
    finally:
        watch.crew.end()


def carry_out(watch: Watch, path: Path) -> tuple[Result, list[Proof]]:
    try:
        with walpool.open(path) as db:
            result, found = work(watch, db)
    except walpool.WalpoolError as error:
        raise Failed(f"the Python reader failed: {error}") from error
    found.append(proofs.closed(path))
    result["proofs"] = {each.name: {"holds": each.holds, "text": each.text} for each in found}
    result["ok"] = all(each.holds for each in found)
    return result, found


def forget() -> None:
    """Runs that failed keep their folder for a day."""
    for folder in BUILT.glob("run-*"):
        if folder.stat().st_mtime < time.time() - 86400:
            shutil.rmtree(folder, ignore_errors=True)


def run(options: Options, source: Input, report: Report) -> Result:
    """The result as one object; people have been told by then."""
    forget()
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=BUILT))
    keep = options.keep
    try:
        watch = Watch(options, source, Crew(), folder)
        result, found = carry_out(watch, folder / "jobs.db")
        report.tell(result, found)
        keep = keep or not result["ok"]
        return result
    except Failed:
        keep = True
        raise
    finally:
        if keep:
            report.write(f"The database and the logs are kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
