"""The demo as its users run it: what it prints, proves, refuses and survives."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILT = ROOT / "build" / "demo"
# What demo.sh ends in; tests of the job itself need no set-up each time.
MAIN = [str(BUILT / "python" / "bin" / "python"), str(HERE / "main.py")]
DEMO = ["sh", "packaging/demo.sh"]
PROOFS = {"done_once", "digests", "lock_errors", "leases", "ended", "integrity", "closed"}

TRICKY = """Package: plain
Depends: libc6 (>= 2.34), a:any | b [linux-any], , c <!nocheck>|,
 libc6 (<< 3), zlib1g
Pre-depends: dpkg (>= 1)

Package: nicht-ascii-\u00fc
Maintainer: J\u00fcrgen \U0001f600 <x@y>
Depends: \u00e9, -x, +y, 7zip
  \t

a line without its sign
Depends: x

DEPENDS:  upper-case
Description: last
 .
 one\r
\r
Package: crlf\r
Depends: a,\r
 b\r

Nul: \0x
Depends: a
\tb,
 \u2003c"""


def run(*arguments, command=MAIN, **more):
    env = {**os.environ, "COLUMNS": "80", **more.pop("env", {})}
    return subprocess.run(
        [*command, *map(str, arguments)], cwd=ROOT, env=env, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=120, **more,
    )


def run_json(*arguments, **more):
    done = run(*arguments, "--json", **more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def records(tmp_path):
    def write(content):
        path = tmp_path / "records"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def many(records):
    return records("\n\n".join(f"Package: p{n}\nDepends: p{n + 1}, x | y" for n in range(20000)))


# -------------------------------------------------------------------- the job


def test_demo__proves_the_job_and_shows_a_table():
    done = run(command=DEMO)
    assert done.returncode == 0, done.stderr
    assert "all 7 proofs hold" in done.stdout
    assert "FAILED" not in done.stdout
    for title in ("Python loader", "Go workers", "Node workers", "Python reader"):
        assert re.search(rf"^{title} +\d+", done.stdout, re.M)
    assert "\x1b" not in done.stdout + done.stderr
    assert re.search(r"^100 %  (\d[\d ]*) of \1 jobs", done.stderr, re.M)


def test_demo__builds_nothing_the_second_time():
    assert "building" not in run(command=DEMO).stderr


def test_demo__tells_the_same_as_json():
    result = run_json(command=DEMO)
    assert result["ok"] is True
    assert set(result["proofs"]) == PROOFS
    assert all(proof["holds"] for proof in result["proofs"].values())
    assert result["done"] == result["records"] > 0
    names = [process["name"] for process in result["processes"]]
    assert names == ["loader", "go", "node", "reader"]
    assert sum(process["jobs"] for process in result["processes"]) == result["records"]
    for process in result["processes"]:
        assert process["operations"] > 0
        assert process["lock_errors"] == 0
        assert set(process["call_us"]) == set(process["writer_wait_us"]) == {"p50", "p99", "max"}


@pytest.mark.parametrize("which", ["go", "node"])
def test_demo__hands_the_jobs_of_a_killed_process_over(which):
    result = run_json(f"--kill={which}", command=DEMO)
    assert result["ok"] is True
    assert set(result["proofs"]) == PROOFS | {"taken_over"}
    assert result["killed"]["name"] == which
    assert result["killed"]["after"] < result["records"]
    held = set(result["killed"]["held"])
    assert held
    taken = {each["job"]: each for each in result["taken_over"]}
    assert held <= set(taken)
    assert all(not taken[job]["worker"].startswith(which) for job in held)


@pytest.mark.parametrize("which", ["go", "node"])
def test_demo__kills_in_the_middle_of_a_single_job(records, which):
    result = run_json("--input", records("Package: a\nDepends: b\n"), f"--kill={which}")
    assert result["killed"]["held"] == [1]
    assert [each["job"] for each in result["taken_over"]] == [1]


def test_demo__does_each_job_once_where_leases_run_out_all_the_time(many):
    head = b"\n\n".join(many.read_bytes().split(b"\n\n")[:1000])
    many.write_bytes(head)
    result = run_json("--input", many, "--lease", "0.001", "--workers", 16)
    assert result["ok"] is True
    assert result["taken_over"]


# ------------------------------------------------------------------ the input


def test_demo__reads_records_of_every_form(records):
    result = run_json("--input", records(TRICKY))
    assert result["ok"] is True
    assert result["records"] == 5
    assert [each["line"] for each in result["malformed"]] == [11]


def test_demo__reports_malformed_records_and_skips_them(records):
    wrong = [
        b"Package: a\nno sign", b" begins: folded", b"a: 1\nA: 2", b"b: \xff", b"#c: 1",
        b"with space: 1", b"-d: 1", b": 1",
    ]
    done = run("--input", records(b"\n\n".join([b"Package: good", *wrong]) + b"\n"))
    assert done.returncode == 0, done.stderr
    assert "1 record of" in done.stdout
    for line in (4, 6, 9, 11, 13, 15, 17, 19):
        assert f"\nline {line}: " in done.stdout
    assert "8 malformed records skipped" in done.stdout


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("\n \n\t\n", "holds only blank lines"),
        ("one\n\ntwo\n", "line 1: 'one' is no 'Key: value'"),
    ],
)
def test_demo__refuses_an_input_without_records(records, content, reason):
    done = run("--input", records(content), command=DEMO)
    assert done.returncode == 2
    assert reason in done.stderr
    assert "--input takes a file of" in done.stderr
    assert done.stdout == ""


def test_demo__refuses_what_it_cannot_read(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for name, reason in (
        ("none", "No such file"), (".", "it is a folder"), ("fifo", "it is no regular file"),
    ):
        done = run("--input", tmp_path / name)
        assert done.returncode == 2
        assert str(tmp_path / name) in done.stderr
        assert reason in done.stderr


def test_demo__refuses_unknown_arguments_with_their_names():
    for words, named in (
        (["--bogus"], "--bogus"), (["--kill=ruby"], "ruby"), (["--workers", "0"], "--workers"),
        (["--lease", "nan"], "--lease"), (["records"], "records"),
    ):
        done = run(*words)
        assert done.returncode == 2
        assert named in done.stderr
        assert "--help" in done.stderr


def test_demo__tells_errors_as_json_too(records):
    done = run("--input", records(""), "--json")
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert "is empty" in told["error"]


# ----------------------------------------------------------------- the screen


def test_demo__fits_a_narrow_page(records):
    done = run("--input", records(TRICKY), env={"COLUMNS": "40"})
    assert done.returncode == 0, done.stderr
    results = done.stdout[done.stdout.index("\n\n") :]  # after the input's path
    assert max(map(len, results.splitlines())) <= 40
    assert "Go workers\n  ops " in results


def on_terminal(columns, *arguments):
    """(what is written to a terminal so wide, status)"""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        env = {name: text for name, text in os.environ.items() if name != "COLUMNS"}
        env |= {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
        os.execve(MAIN[0], [*MAIN, *map(str, arguments)], env)
    written = b""
    while True:
        try:
            more = os.read(terminal, 1 << 16)
        except OSError:  # how Linux tells the end
            break
        if not more:
            break
        written += more
    os.close(terminal)
    return written.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_demo__redraws_its_bar_in_place_on_a_terminal(many):
    written, status = on_terminal(60, "--input", many)
    assert status == 0, written
    frames = written.split("\x1b[2A")
    assert len(frames) > 5
    for frame in frames[1:-1]:
        assert frame.count("\n") == 2  # as many lines as the next one goes up
    plain = re.sub(r"\x1b\[[0-9]*[A-Za-z]|\r", "", written)
    lines = [line for line in plain.splitlines() if str(many) not in line]
    assert [line for line in lines if len(line) > 60] == []
    assert "100 %  20 000 of 20 000 jobs" in plain
    assert "all 7 proofs hold" in plain


# ------------------------------------------------------------------- the ends


class Started:
    """A demo that is at work, on many records."""

    def __init__(self, path, *arguments):
        self.process = subprocess.Popen(
            [*MAIN, "--input", str(path), *arguments], cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for line in self.process.stderr:
            found = re.match(r"\d+ %  (\d[\d ]*) of", line)
            if found and found[1] != "0":
                break
        self.children = self._children()

    def _children(self):
        """Process ids by the folder of build/demo that their program is in."""
        folder = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = {}
        for pid in map(int, folder.read_text().split()):
            words = Path(f"/proc/{pid}/cmdline").read_text()
            if program := re.search(r"build/demo/(\w+)/", words):
                found[program[1]] = pid
        return found

    def end(self):
        """(status, what it said)"""
        out, errors = self.process.communicate(timeout=60)
        left = [pid for pid in self.children.values() if Path(f"/proc/{pid}").exists()]
        assert left == []
        return self.process.returncode, errors


linux = pytest.mark.skipif(sys.platform != "linux", reason="finds processes by /proc")


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo__ends_all_processes_when_it_is_stopped(many, number):
    demo = Started(many)
    demo.process.send_signal(number)
    status, said = demo.end()
    assert status == 128 + number
    assert "stopped" in said


@linux
def test_demo__fails_when_a_process_dies(many):
    demo = Started(many)
    os.kill(demo.children["node"], signal.SIGKILL)
    status, said = demo.end()
    assert status == 1
    assert f"the Node workers (pid {demo.children['node']}) ended by SIGKILL" in said


@linux
def test_demo__fails_when_a_process_hangs(many):
    demo = Started(many)
    os.kill(demo.children["go"], signal.SIGSTOP)
    status, said = demo.end()
    assert status == 1
    assert f"the Go workers (pid {demo.children['go']}) hang" in said


@linux
def test_demo__leaves_no_process_when_it_is_killed(many):
    demo = Started(many)
    demo.process.kill()
    demo.process.communicate()
    end = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in demo.children.values()):
        assert time.monotonic() < end
