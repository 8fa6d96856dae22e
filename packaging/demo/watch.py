"""One run: start the processes, watch the jobs until all are done."""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

import walpool
from child import Child, Failed
from crew import Crew
from jobs import Progress, progress
from meter import Meter, lock_error
from options import Input, Options
from screen import Screen, View
from takeover import Kill

HERE = Path(__file__).resolve().parent
BUILT = HERE.parents[1] / "build" / "demo"
BATCH = 50  # records a transaction
LOOK = 0.05  # seconds between two looks at the jobs
STALL = 15.0  # seconds, beside the lease, in which some job must be finished


class Watch:
    def __init__(self, options: Options, source: Input, crew: Crew, folder: Path) -> None:
        self.options = options
        self.source = source
        self.crew = crew
        self.meter = Meter()
        self.kill: Kill | None = None
        self.seconds = 0.0
        self.view = View(total=len(source.records))
        self._folder = folder
        self._screen = Screen(sys.stderr)

    # ---------------------------------------------------------------- begin

    def _child(self, name: str, title: str, *command: object) -> Child:
        words = [str(word) for word in command]
        return self.crew.add(Child(name, title, words, self._folder / f"{name}.log"))

    def start(self, path: Path) -> None:
        """Start all processes, and let them begin when all are ready."""
        jobs = (path, self.options.workers, max(1, round(self.options.lease * 1000)))
        self.loader = self._child(
            "loader", "Python loader",
            sys.executable, HERE / "loader.py", path, self.source.path, BATCH,
        )
        self.workers = [
            self._child("go", "Go workers", BUILT / "go" / "worker", *jobs),
            self._child("node", "Node workers", "node", BUILT / "node" / "worker.mjs", *jobs),
        ]
        self.crew.await_ready()
        digest = hashlib.sha256(self.source.data).hexdigest()
        if not self.loader.ready or self.loader.ready["sha256"] != digest:
            raise Failed(f"{self.source.path} has changed meanwhile; run the demo again")
        self._screen.begin()
        self._send_start()

    def _send_start(self) -> None:
        if self.options.kill:
            self.kill = Kill(self.options.kill, self.workers, self.view.total, self.options.lease)
            self.kill.start()
        else:
            for worker in self.workers:
                worker.start()
        self.loader.may_end = True
        self.loader.start()

    # ---------------------------------------------------------------- watch

    def look(self, db: walpool.Database) -> Progress:
        """A look at the jobs. A lock that is not to be had is counted."""
        try:
            with self.meter.call():
                self.view.jobs = progress(db)
        except walpool.WalpoolError as error:
            if not lock_error(error):
                raise
        health = db.health()
        self.view.wal_bytes, self.view.verdict = health.wal_bytes, health.verdict
        for child in self.workers:
            self.view.by_process[child.name] = child.figures.jobs
        return self.view.jobs

    def until_done(self, db: walpool.Database) -> None:
        began = moved = time.monotonic()
        done = 0
        while done < self.view.total:
            self.crew.pump(0.005 if self.kill and not self.kill.victim.killed else LOOK)
            now = self.look(db)
            if self.kill and self.kill.step(db, now):
                self._screen.say(self.kill.told())
            if now.done < self.view.total:
                self._screen.show(self.view)
            if now.done > done:
                done, moved = now.done, time.monotonic()
            elif time.monotonic() - moved > STALL + self.options.lease:
                raise Failed(
                    f"no job was finished for {time.monotonic() - moved:.0f} s: {now.loaded} "
                    f"of {self.view.total} are loaded, and {now.done} are done"
                )
        self.seconds = time.monotonic() - began

    def finish(self, db: walpool.Database) -> None:
        """Let the processes end by themselves, and hear their last reports."""
        self.crew.finish()
        self.look(db)
        self._screen.show(self.view, final=True)
