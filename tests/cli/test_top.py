"""The command top: a database at work, looked at from outside."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios

import pytest
from conftest import COMMAND


def start(*words, **options):
    return subprocess.Popen(
        [COMMAND, "top", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, **options,
    )


@pytest.fixture
def ticks(database):
    """A running top, whose ticks come as objects: next(ticks)."""
    process = start("app.db", "--json", "--interval", "0.1")
    yield (json.loads(line) for line in process.stdout)
    process.kill()
    process.communicate()


def until(ticks, holds):
    """The first tick for which it holds."""
    for _ in range(300):
        tick = next(ticks)
        if holds(tick):
            return tick
    raise AssertionError(tick)


def test_top__counts_commits_and_frames(ticks, database, other):
    writer = other(database).do(
        "db.execute('PRAGMA wal_autocheckpoint=0')",
        "db.execute('SELECT * FROM job').fetchall()",
    )
    assert until(ticks, lambda tick: tick["commits_per_s"] == 0)["frames_per_s"] == 0
    for _ in range(20):
        writer.do("db.execute('UPDATE job SET task = task || 1')")
    seen = {"commits": 0, "frames": 0}

    def all_seen(tick):
        for what in seen:
            seen[what] += tick[f"{what}_per_s"] * tick["elapsed_ms"] / 1000
        return tick["wal_frames"] == 20

    tick = until(ticks, all_seen)
    assert [round(number) for number in seen.values()] == [20, 20]
    tick = next(ticks)
    assert tick["wal_bytes"] == os.stat(f"{database}-wal").st_size
    assert tick["file_bytes"] == database.stat().st_size
    assert tick["disk_free_bytes"] > 0
    assert tick["status"] == "ok" and tick["there"] == "there"


def test_top__names_who_writes_and_who_pins_and_since_when(ticks, database, other):
    process = other(database).do(
        "db.execute('DELETE FROM job WHERE id > 9')",
        "r = sqlite3.connect(path, isolation_level=None)",
        "r.execute('BEGIN'); r.execute('SELECT * FROM job').fetchall()",
        "db.execute('BEGIN IMMEDIATE')",
    )
    who = {"process": process.pid, "name": "python3"}

    def is_me(found):
        return found and found["process"] == who["process"] and found["name"].startswith("python")

    tick = until(ticks, lambda tick: is_me(tick["writer"]))
    pins = [pin for pin in tick["pins"] if pin["process"] == process.pid]
    assert pins and is_me(pins[0])
    assert pins[0]["frame"] == tick["wal_frames"] == 1
    later = until(ticks, lambda tick: tick["pins"] and tick["pins"][0]["seen_ms"] >= 300)
    assert later["pins"][0]["process"] == process.pid
    process.do("db.execute('COMMIT'); r.execute('COMMIT')")
    tick = until(ticks, lambda tick: not tick["pins"])
    assert tick["writer"] is None


TURN = """
import fcntl, struct, sys
file = open(sys.argv[1] + "-turn", "w")
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


def test_top__names_whose_turn_it_is(ticks, database):
    from conftest import Other

    process = Other(database, TURN)
    try:
        assert next(ticks)["turn"] is None
        # F_OFD_SETLK, a lock for writing, on the first byte
        process.do("fcntl.fcntl(file, 37, struct.pack('hhqqi4x', 1, 0, 0, 1, 0))")
        tick = until(ticks, lambda tick: tick["turn"])
        assert tick["turn"]["process"] == process.pid
    finally:
        process.end()
    until(ticks, lambda tick: tick["turn"] is None)


def test_top__tells_when_the_file_goes_and_when_another_comes(ticks, database):
    assert next(ticks)["there"] == "there"
    database.rename("away.db")
    tick = until(ticks, lambda tick: tick["there"] == "gone")
    assert tick["status"] == "failing" and tick["commits_per_s"] is None
    database.write_bytes(b"")
    assert until(ticks, lambda tick: tick["there"] != "gone")["there"] == "replaced"
    assert next(ticks)["there"] == "there"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_top__ends_well_when_it_is_interrupted(database, number):
    process = start("app.db", "--interval", "0.1")
    assert process.stdout.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert all(line.count("commits") == 1 for line in out.splitlines())


def test_top__prints_a_line_for_each_tick_and_ends_after_the_last(walpool, database, other):
    other(database).do("db.execute('DELETE FROM job')")
    answer = walpool("top", "app.db", "--interval", "0.1", "--count", "3")
    assert (answer.status, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert re.match(
            r"\d\d:\d\d:\d\d  commits 0/s  frames 0/s  wal 4\.\d KiB, 1 frames, "
            r"0 checkpointed  file 8\.0 KiB  free .*", line)
        assert "\033" not in line


def test_top__of_a_database_that_nobody_uses_knows_no_rate(walpool, database):
    answer = walpool("top", "app.db", "--interval", "0.1", "--count", "1", "--json")
    assert answer.json["commits_per_s"] is answer.json["frames_per_s"] is None
    assert (answer.json["wal_frames"], answer.json["pins"]) == (0, [])
    assert sorted(os.listdir()) == ["app.db"]


def test_top__disturbs_nobody(ticks, database, other):
    process = other(database).do("db.execute('DELETE FROM job WHERE id = 1')")
    for _ in range(3):
        next(ticks)
        process.do("db.execute('INSERT INTO job (task) VALUES (1)')")
    process.do("assert db.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone() == (0, 0, 0)")


@pytest.mark.parametrize("words, status, part", [
    (("missing.db",), 2, "cannot watch missing.db: it does not exist"),
    ((".",), 2, "it is no regular file"),
    (("app.db", "--interval", "0"), 64, "--interval takes seconds from 0.1 to 3600"),
    (("app.db", "--interval", "x"), 64, "not 'x'"),
    (("app.db", "--interval", "nan"), 64, "not 'nan'"),
    (("app.db", "--interval", "4000"), 64, "not '4000'"),
    (("app.db", "--interval", "-1"), 64, "not '-1'"),
    (("app.db", "--count", "-1"), 64, "--count takes a whole number"),
    (("app.db", "--count"), 64, "lacks its value"),
    (("app.db", "--timeout", "1"), 64, "unknown option"),
])
def test_top__refuses_what_makes_no_sense(walpool, database, words, status, part):
    answer = walpool("top", *words)
    assert (answer.status, answer.out) == (status, "")
    assert part in answer.err


def test_top__that_cannot_print_fails(database):
    line = f"{COMMAND} top app.db --interval 0.1 --count 2 >/dev/full"
    assert os.waitstatus_to_exitcode(os.system(line)) == 2


# ------------------------------------------------------------ on a terminal


class Screen:
    """top on a terminal of so many rows and columns."""

    def __init__(self, rows, columns, *words, **environment):
        self.terminal, end = pty.openpty()
        self.resize(rows, columns)
        self.process = subprocess.Popen(
            [COMMAND, "top", "app.db", "--interval", "0.1", *words], stdin=subprocess.DEVNULL,
            stdout=end, env={**os.environ, "TERM": "xterm", **environment},
        )
        os.close(end)
        self.shown = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, part, count=1):
        while self.shown.count(part) < count:
            try:
                self.shown += os.read(self.terminal, 65536).decode()
            except OSError:
                raise AssertionError(f"no {part!r} in {self.shown!r}") from None

    def end(self):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=60) == 0
        os.close(self.terminal)


def test_top__draws_a_screen_anew(database, other):
    process = other(database).do("db.execute('BEGIN IMMEDIATE')")
    screen = Screen(24, 80)
    screen.read_until("\033[H", 3)
    screen.read_until("\033[J", 3)
    assert screen.shown.count("\033[2J") == 1
    assert f"writes     process {process.pid} (python3" in screen.shown
    assert "\033[1mapp.db  " in screen.shown and "SNAPSHOTS" in screen.shown
    screen.end()


def test_top__draws_no_more_than_fits_and_follows_the_size(database):
    screen = Screen(4, 12, NO_COLOR="1")
    screen.read_until("\033[J", 2)
    drawn = screen.shown.split("\033[J")[0].removeprefix("\033[2J\033[H")
    lines = [line.removesuffix("\033[K") for line in drawn.split("\r\n")]
    assert len(lines) == 4 and lines[3] == ""
    assert all(len(line) <= 12 for line in lines)
    assert "\033[1m" not in screen.shown
    screen.resize(24, 80)
    screen.read_until("\033[2J", 2)
    screen.read_until("SNAPSHOTS")
    screen.end()


def test_top__prints_lines_on_a_terminal_that_cannot_draw(database):
    screen = Screen(24, 80, TERM="dumb")
    screen.read_until("commits", 2)
    assert "\033" not in screen.shown
    screen.end()
