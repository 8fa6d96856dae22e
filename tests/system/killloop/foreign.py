"""A program that knows SQLite and nothing of walpool: for mix.py, in the place
of the `sqlite3` shell.

    python3 foreign.py DATABASE SCRIPT

The script has one statement a line; what a statement gives is printed.
"""

import sqlite3
import sys


def main(path: str, script: str) -> None:
    db = sqlite3.connect(path, timeout=60, isolation_level=None)
    db.execute("PRAGMA wal_autocheckpoint = 0")  # mix.py says why
    with open(script) as lines:
        for line in lines:
            for (value,) in db.execute(line):
                print(value, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
