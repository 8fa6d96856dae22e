"""A program that knows no turns: it adds rows to a file until it is ended.

    foreign.py FILE
"""

import os
import sqlite3
import sys

db = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
parent = os.getppid()
while os.getppid() == parent:
    db.execute("INSERT INTO t(worker, number, text) VALUES(-1, 0, 'the quick brown fox jumps over the lazy dog')")
