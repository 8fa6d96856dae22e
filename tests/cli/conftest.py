"""What the tests of the command share: running it, and databases in use.

The command is build/debug/bindings/cli/walpool, or what WALPOOL_CLI says.
"""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = os.environ.get("WALPOOL_CLI", str(ROOT / "build/debug/bindings/cli/walpool"))

# A process of its own, with nothing but Python's sqlite3. It does what the
# lines on its standard input say, and answers each with a line.
PROCESS = """
import sqlite3, sys
path = sys.argv[1]
db = sqlite3.connect(path, isolation_level=None)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def walpool(folder):
    """Runs the command: walpool("doctor", "app.db").status, .out, .err, and
    .json, which is read from .out."""

    def run(*words):
        done = subprocess.run(
            [COMMAND, *map(str, words)], cwd=folder, capture_output=True,
            stdin=subprocess.DEVNULL, text=True, timeout=120,
        )
        answer = SimpleNamespace(status=done.returncode, out=done.stdout, err=done.stderr)
        if "--json" in words and done.stdout:
            assert done.stdout.count("\n") == 1
            answer.json = json.loads(done.stdout)
        return answer

    return run


@pytest.fixture
def database(folder):
    """app.db, in WAL mode, of ten rows, closed."""
    path = folder / "app.db"
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE job (id INTEGER PRIMARY KEY, task TEXT)")
    db.executemany("INSERT INTO job (task) VALUES (?)", [("a",)] * 10)
    db.close()
    return path


class Other:
    """Another process that has a database open."""

    def __init__(self, path, program=PROCESS):
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.pid = self.process.pid

    def do(self, *lines):
        for line in lines:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            assert self.process.stdout.readline() == "done\n"
        return self

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def other():
    """Starts such processes: other(path).do("db.execute('BEGIN')")."""
    started = []

    def start(path):
        started.append(Other(path))
        return started[-1]

    yield start
    for process in started:
        process.end()


def finding(answer, code):
    """The finding of that code in doctor's JSON."""
    found = [one for one in answer.json["findings"] if one["code"] == code]
    assert len(found) == 1, answer.json["findings"]
    return found[0]
