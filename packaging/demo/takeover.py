"""--kill: one worker process ends by SIGKILL while it has a job in its hands.

So that the moment is not left to luck, the victim is told in time to hold: one
of its workers keeps the next job that it claims and says so, and the others go
on. It is killed when a third of the jobs is done. In a small input all jobs
could be done before that; there the victim holds its first job, and the other
process starts when it does."""

from __future__ import annotations

import random
import time

import walpool
from child import Child
from jobs import Progress, held_by
from words import count

SMALL = 300  # jobs
AHEAD = 400  # jobs before the third, at which the victim is told
SOON = 1.0  # seconds: the held job's lease must not end before the kill


class Kill:
    def __init__(self, which: str, workers: list[Child], total: int, lease: float) -> None:
        self.victim = random.choice([each for each in workers if which in ("any", each.name)])
        self.others = [child for child in workers if child is not self.victim]
        self.third = total // 3
        self.small = total < SMALL
        self.done_before = 0
        self.held: list[int] = []
        self._soon = min(SOON, lease / 2)
        self._told = False
        self._held_at = 0.0

    def start(self) -> None:
        if self.small:
            self._tell()
        self.victim.start()
        if not self.small:
            self._start_others()

    def _tell(self) -> None:
        self._told = True
        self.victim.send("hold")

    def _start_others(self) -> None:
        for child in self.others:
            child.start()

    def step(self, db: walpool.Database, progress: Progress) -> bool:
        """True: it has just happened."""
        if self.victim.killed:
            return False
        if not self._told and progress.done >= max(self.third - AHEAD, self.third // 2):
            self._tell()
        if self.victim.holding is None:
            return False
        if not self._held_at:
            self._held_at = time.monotonic()
            if self.small:
                self._start_others()
        if progress.done < self.third and time.monotonic() < self._held_at + self._soon:
            return False
        self._strike(db, progress)
        return True

    def _strike(self, db: walpool.Database, progress: Progress) -> None:
        self.victim.kill()
        self.done_before = progress.done
        self.held = held_by(db, self.victim.holder)

    # -------------------------------------------------------------- telling

    def told(self) -> str:
        return (
            f"killed the {self.victim.title} (pid {self.victim.pid}) by SIGKILL after "
            f"{count(self.done_before, 'job')}, with {count(len(self.held), 'job')} in their hands"
        )

    def result(self) -> dict[str, object]:
        return {
            "name": self.victim.name,
            "pid": self.victim.pid,
            "after": self.done_before,
            "held": self.held,
        }
