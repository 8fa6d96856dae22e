"""The kill loop: processes in four languages write to one database and are
killed at random; nothing that they acknowledged is lost, nothing is there in
half, and those that live notice nothing.

    python3 tests/system/killloop/run.py [--rounds N] [--seed S]

The programs that it runs are built by `sh tests/all.sh killloop`. A round

    fills up to a few processes, each with a plan of its own (crew.py); what a
      dead one was about is made again by one of them, if it has a once_key;
    kills some, with SIGKILL, each at its moment: after so many acknowledgements
      of its own, while it holds the turn, opens or checkpoints, and a random
      spin later;
    waits until every survivor has acknowledged more;
    in every fifth round kills all at once, in another fifth lets all close, of
      which some are killed while they do;
    reads the file with plain SQLite, beside those that run (check.py).

Survivors and the file go on into the next round. When nobody lives a copy is
read, so that the next process has to recover what the dead ones left; or the
next round begins with a new file.

All choices come from the seed, which is printed. The scheduler's come from
nowhere: a run that failed fails again with its seed often, not always. It then
leaves its folder behind.

`--wrong` makes the processes in Python break a rule, to prove that it shows:
they acknowledge `early`, add to the total `outside` of the transaction, write
`twice`, report an `error`, or `hang` with the turn. `--patience` is the number of seconds after
which nothing more is expected of a process.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import check
from crew import ACKNOWLEDGEMENT, COMMANDS, LETTERS, Crew, Process, Violation, dsn, missing

WRONG = {"early": "ceee", "outside": "cooo", "twice": "cu", "error": "csx", "hang": "h"}
LONGEST_SPIN = 0.002  # seconds: about two transactions
ENOUGH = 50  # rounds in which every language is killed, and at every moment
MOMENTS = (ACKNOWLEDGEMENT, "turn", "checkpoint", "open", "close", "together")


def spin(seconds: float) -> None:
    """Wait without giving up the processor: a sleep would be 50 us or more."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


class Loop:
    def __init__(self, folder: Path, seed: int, wrong: str, patience: float) -> None:
        self.processes: list[Process] = []  # of this file, dead ones too
        self._uncounted: list[Process] = []
        self.kills: Counter[str] = Counter()  # by moment and by language
        self.written = 0  # transactions
        self.in_doubt = 0  # of these, found although not acknowledged
        self.again = 0  # of these, made again by another process
        self.files = 0
        self.path = folder
        self._folder = folder
        self._random = random.Random(seed)
        self._wrong = WRONG.get(wrong, "")
        self.crew = Crew(folder, patience)

    # -------------------------------------------------------------- one round

    def round(self, number: int) -> None:
        if not self.processes or (not self.crew.running and self._random.random() < 0.5):
            self._new_file()
        self._strike(self._choose_victims(self._fill()))
        self.crew.all_write(2)
        if number % 5 == 4:
            self._kill_all()
        elif number % 5 == 1:
            self._stop_all()
        self._check()

    def _new_file(self) -> None:
        if self.files:
            shutil.rmtree(self.path.parent)
        self.files += 1
        self.processes.clear()
        self.path = self._folder / f"file {self.files}" / "a.db"
        self.path.parent.mkdir()
        check.create(self.path)

    def _fill(self) -> list[tuple[Process, str]]:
        """Start processes; with each the moment at which it is to be killed."""
        started = []
        for _ in range(self._random.randint(3, 5) - len(self.crew.running)):
            absent = COMMANDS.keys() - {process.language for process in self.crew.running}
            language = self._random.choice(sorted(absent or COMMANDS))
            moment = self._random.choice((ACKNOWLEDGEMENT, "turn", "checkpoint", "open", "", "", ""))
            process = self.crew.start(
                language, self._name(), self._plan(language, moment), self._orphan(language)
            )
            self.processes.append(process)
            self._uncounted.append(process)
            started.append((process, moment))
        return started

    def _orphan(self, language: str) -> Process | None:
        """A dead process that was about to write what can be made again."""
        taken = [process.again for process in self.crew.running]
        orphans = [
            process
            for process in self.processes
            if process.can_be_made_again and process not in taken
        ]
        return self._random.choice(orphans) if orphans and "k" in LETTERS[language] else None

    def _name(self) -> str:
        return dsn(
            self.path,
            durability=self._random.choice(("normal", "full")),
            checkpoint_frames=self._random.choice((20, 100, 1000)),
            coalesce=self._random.choice((0, 0, 2)),
            busy_timeout=300_000,  # longer than the patience
        )

    def _plan(self, language: str, moment: str) -> str:
        letters = LETTERS[language] * 2
        plan = self._random.sample(letters, len(letters))
        if language == "python" and self._wrong:
            plan = list(self._wrong)
        if moment == "turn":
            plan.insert(self._random.randrange(len(plan)), "h")
        return "".join(plan)

    def _choose_victims(self, started: list[tuple[Process, str]]) -> dict[Process, tuple[str, int]]:
        """Each victim's moment: when it has told this word so often."""
        moments = {
            process: self._random.choice((ACKNOWLEDGEMENT, "checkpoint", "", ""))
            for process in self.crew.running
        } | dict(started)
        if not any(moments.values()):
            moments[self._random.choice(self.crew.running)] = ACKNOWLEDGEMENT
        last = {ACKNOWLEDGEMENT: 40, "checkpoint": 3}
        return {
            process: (moment, process.told[moment] + self._random.randint(1, last.get(moment, 1)))
            for process, moment in moments.items()
            if moment
        }

    def _strike(self, victims: dict[Process, tuple[str, int]]) -> None:
        def due() -> list[Process]:
            return [
                process
                for process, (moment, count) in victims.items()
                if process.told[moment] >= count or process.status is not None
            ]

        while victims:
            self.crew.until(due, "the next victim's moment comes")
            for process in due():
                moment, _ = victims.pop(process)
                if process.status is None:
                    spin(self._random.random() ** 2 * LONGEST_SPIN)
                    process.kill(moment)
        self.crew.until(
            lambda: not any(process.moment for process in self.crew.running),
            "those that were killed have ended",
        )

    def _kill_all(self) -> None:
        spin(self._random.random() * LONGEST_SPIN)
        for process in self.crew.running:
            process.kill("together")
        self.crew.until_ended()

    def _stop_all(self) -> None:
        victims = self._random.sample(self.crew.running, min(2, len(self.crew.running)))
        self.crew.stop()
        self._strike({process: ("close", 1) for process in victims})
        self.crew.until_ended()

    def finish(self) -> None:
        """Let those that live close."""
        self.crew.stop()
        self.crew.until_ended()
        self._check()

    # -------------------------------------------------------------- the check

    def _promised(self) -> dict[int, int]:
        return {process.writer: process.acknowledged for process in self.processes}

    def _check(self) -> None:
        self.crew.hear()
        before = self._promised()
        found = check.read(self.path if self.crew.running else self._copy())
        self.crew.hear()
        after = self._promised()
        problems = found.problems + check.broken_promises(found.numbers, before, after)
        if problems:
            raise Violation("; ".join(problems))
        if not self.crew.running:
            self._count(found.numbers)

    def _copy(self) -> Path:
        """The files as the dead left them, but for what was shared memory."""
        copy = self._folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for name in ("a.db", "a.db-wal"):
            if (self.path.parent / name).exists():
                shutil.copy(self.path.parent / name, copy)
        return copy / "a.db"

    def _count(self, numbers: dict[int, int]) -> None:
        """Nobody lives: what came of all that were started since the last time."""
        while self._uncounted:
            process = self._uncounted.pop()
            self.again += process.told["again"]
            number = numbers.get(process.writer, 0)
            self.written += number
            self.in_doubt += number - process.acknowledged
            if process.was_killed:
                self.kills[process.moment] += 1
                self.kills[process.language] += 1

    # ------------------------------------------------------------- the report

    def missed(self) -> list[str]:
        """Moments and languages of which nobody was killed."""
        return [each for each in (*MOMENTS, *COMMANDS) if not self.kills[each]]

    def summary(self) -> str:
        kills = ", ".join(f"{each} {self.kills[each]}" for each in (*MOMENTS, *COMMANDS))
        return (
            f"{self.written} transactions in {self.files} files, {self.in_doubt} of them "
            f"committed and not acknowledged, {self.again} made again; killed: {kills}"
        )


def run(loop: Loop, rounds: int) -> None:
    began = time.monotonic()
    for number in range(rounds):
        loop.round(number)
        if number + 1 == rounds:
            loop.finish()
        if (number + 1) % 10 == 0 or number + 1 == rounds:
            seconds = time.monotonic() - began
            print(f"round {number + 1} of {rounds}, {seconds:.1f} s: {loop.summary()}", flush=True)
    if rounds >= ENOUGH and loop.missed():
        raise Violation(f"this proved too little: no kill of {', '.join(loop.missed())}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--wrong", choices=WRONG, default="")
    parser.add_argument("--patience", type=float, default=60.0, metavar="SECONDS")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    if lacking := missing():
        print(f"there is no {lacking[0]}; `sh tests/all.sh killloop` builds it", file=sys.stderr)
        return 2
    print(f"--rounds {given.rounds} --seed {given.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="walpool-killloop-"))
    loop = Loop(folder, given.seed, given.wrong, given.patience)
    try:
        run(loop, given.rounds)
    except Violation as violation:
        print(f"VIOLATION: {violation}")
        for process in loop.processes:
            print(f"  {process}: acknowledged {process.acknowledged}, status {process.status} "
                  f"{process.moment}")  # fmt: skip
        print(f"the files: {folder}")
        return 1
    finally:
        loop.crew.end()
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
