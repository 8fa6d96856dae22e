"""The bar: on a terminal only, and an interrupt cancels the work."""

import os
import pty
import signal
import sqlite3
import subprocess

import pytest
from conftest import COMMAND


class OnTerminal:
    """The command, with a terminal as its standard error."""

    def __init__(self, *words):
        self.terminal, end = pty.openpty()
        self.process = subprocess.Popen(
            [COMMAND, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=end, text=True,
        )
        os.close(end)
        self.shown = ""

    def read_until(self, part):
        while part not in self.shown:
            assert self.read(), self.shown
        return self

    def read(self):
        try:
            got = os.read(self.terminal, 4096).decode()
        except OSError:  # the other end is closed
            return False
        self.shown += got
        return bool(got)

    def end(self):
        while self.read():
            pass
        os.close(self.terminal)
        out, _ = self.process.communicate(timeout=60)
        return self.process.returncode, out


@pytest.mark.parametrize("command, bars", [
    ("check", ["check"]),
    ("checkpoint", ["checkpoint"]),
    ("vacuum", ["vacuum"]),
])
def test_progress__is_shown_on_a_terminal(database, command, bars):
    db = sqlite3.connect(database, isolation_level=None)
    db.executemany("INSERT INTO job (task) VALUES (?)", [("x" * 999,)] * 999)
    db.close()
    run = OnTerminal(command, "app.db")
    status, out = run.end()
    assert status == 0 and out.startswith("app.db: ok")
    for bar in bars:
        assert f"\r\033[K{bar} [" in run.shown or f"\r\033[K{bar}: " in run.shown
    assert run.shown.endswith("\r\n")


def test_progress__measures_what_is_read(database):
    db = sqlite3.connect(database, isolation_level=None)
    db.executemany("INSERT INTO job (task) VALUES (?)", [("x" * 999,)] * 999)
    db.close()
    run = OnTerminal("check", "app.db")
    assert run.end()[0] == 0
    assert "]   0 %  0 bytes  0 bytes/s  ? left" in run.shown
    assert f"[{'#' * 24}] 100 %  " in run.shown and "/s  0.0 s left\r\n" in run.shown


def test_progress__a_backup_shows_two_bars_and_a_restore_one(database):
    run = OnTerminal("backup", "app.db", "copy.db")
    status, out = run.end()
    assert (status, out) == (0, "app.db: ok: 8.0 KiB are in copy.db\n")
    assert "\r\033[Kbackup [" in run.shown and "\r\033[Kcheck [" in run.shown
    run = OnTerminal("restore", "app.db", "copy.db")
    status, out = run.end()
    assert (status, out) == (0, "app.db: ok: 8.0 KiB came from copy.db\n")
    assert "\r\033[Krestore [" in run.shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_progress__an_interrupt_of_a_backup_leaves_nothing(database, number):
    db = sqlite3.connect(database, isolation_level=None)
    db.executemany("INSERT INTO job (task) VALUES (zeroblob(?))", [(10**6,)] * 100)
    db.close()
    run = OnTerminal("backup", "app.db", "copy.db", "--json")
    run.read_until("backup [")
    run.process.send_signal(number)
    status, out = run.end()
    assert status == 2
    assert '"name":"WALPOOL_CANCELLED"' in out
    assert [name for name in os.listdir() if name.startswith("copy")] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_progress__an_interrupt_cancels(database, other, number):
    writer = other(database).do("db.execute('BEGIN IMMEDIATE')")
    run = OnTerminal("vacuum", "app.db", "--json", "--timeout", "50000")
    run.read_until("vacuum [")
    run.process.send_signal(number)
    status, out = run.end()
    assert status == 2
    assert '"name":"WALPOOL_CANCELLED"' in out
    assert "cancelled" in run.shown
    writer.do("db.execute('DELETE FROM job')", "db.execute('COMMIT')")
