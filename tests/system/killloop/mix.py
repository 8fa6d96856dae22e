"""Processes in four languages and a foreign program, one that knows SQLite and
not the turn, write to one database: no walpool process meets an error, although
all of them have the default timeouts, and in the end every transaction is there.

    python3 tests/system/killloop/mix.py [--transactions N] [--program NAME]

The foreign program is the `shell` (sqlite3), or a program in `python` without
walpool. It makes N transactions as fast as it can, and waits for locks as
SQLite does, a minute at most.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import check
from crew import COMMANDS, HERE, LETTERS, Crew, Process, Violation, dsn, missing

TRANSACTION = """\
BEGIN IMMEDIATE;
INSERT INTO entry (writer, number, part, parts, way) VALUES ({writer}, {number}, 0, 1, 'foreign');
UPDATE writer SET total = total + {number} WHERE id = {writer};
COMMIT;
SELECT {number};
"""


def command(program: str, database: Path, script: Path) -> tuple[object, ...]:
    # It makes no checkpoints: those of an SQLite that has the WAL-reset bug may
    # destroy what others write meanwhile, which nobody else can prevent.
    if program == "python":
        return (sys.executable, HERE / "foreign.py", database, script)
    settings = (".timeout 60000", ".output /dev/null", "PRAGMA wal_autocheckpoint = 0", ".output")
    words = [word for setting in settings for word in ("-cmd", setting)]
    return ("sqlite3", "-bail", "-batch", *words, database, f".read '{script}'")


class Mix:
    def __init__(self, folder: Path, seed: int) -> None:
        self.crew = Crew(folder, patience=120.0)
        self._random = random.Random(seed)
        self._path = folder / "a.db"
        self._script = folder / "script.sql"

    def _start_ours(self) -> list[Process]:
        processes = []
        for number, language in enumerate(COMMANDS):
            letters = LETTERS[language]
            plan = "".join(self._random.sample(letters, len(letters)))
            name = dsn(self._path, durability=("normal", "full")[number % 2])
            processes.append(self.crew.start(language, name, plan))
        return processes

    def _start_foreign(self, program: str, transactions: int) -> Process:
        writer = len(COMMANDS) + 1
        self._script.write_text(
            f"INSERT INTO writer (id) VALUES ({writer});\n"
            + "".join(
                TRANSACTION.format(writer=writer, number=number + 1)
                for number in range(transactions)
            )
            + "SELECT 'end';\n"
        )
        return self.crew.start_other(program, command(program, self._path, self._script))

    def run(self, program: str, transactions: int) -> str:
        check.create(self._path)
        ours = self._start_ours()
        self.crew.all_write(1)
        foreign = self._start_foreign(program, transactions)
        began = time.monotonic()
        self.crew.until(lambda: foreign.status is not None, "the foreign program has ended")
        seconds = time.monotonic() - began
        self.crew.all_write(1)
        self.crew.stop()
        self.crew.until_ended()
        everything = {process.writer: process.acknowledged for process in (*ours, foreign)}
        found = check.read(self._path)
        if found.problems or found.numbers != everything:
            raise Violation(f"{everything} written, {found.numbers} found; {found.problems}")
        counts = ", ".join(f"{each.language} {each.acknowledged}" for each in (*ours, foreign))
        return f"transactions: {counts}; the last in {seconds:.1f} s"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--transactions", type=int, default=1000, metavar="N")
    parser.add_argument("--program", choices=("shell", "python"), default="shell")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    return parser.parse_args()


def main() -> int:
    given = arguments()
    if lacking := missing():
        print(f"there is no {lacking[0]}; `sh tests/all.sh killloop` builds it", file=sys.stderr)
        return 2
    print(f"--program {given.program} --seed {given.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="walpool-mix-"))
    mix = Mix(folder, given.seed)
    try:
        print(mix.run(given.program, given.transactions))
    except Violation as violation:
        print(f"VIOLATION: {violation}\nthe files: {folder}")
        return 1
    finally:
        mix.crew.end()
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
