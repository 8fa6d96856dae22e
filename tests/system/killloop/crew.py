"""The processes of the kill loop: started ahead of time, given their order,
heard, and ended by their own process id.

A process waits for its order, one line on its standard input:

    DSN WRITER PLAN [WRITER/NUMBER]

It opens the database, adds itself to the table `writer`, and carries out the
letters of the plan, from the first to the last and then again, until its input
ends. The writing letters make one transaction each, numbered 1, 2, 3 ...

    s  one statement                     h  as l; then it keeps the turn until
    m  one statement, three rows            its input ends
    b  a batch                           c  checkpoint (passive)
    l  a lease with savepoints, of       t  checkpoint (truncate)
       which one is rolled back          r  read: its last number is there
    d  as s, durability full and normal by turns
    w  as b, with `expect`; before it a batch that misses what it expects
    k  as b, with the once_key `WRITER/NUMBER`, made twice and answered alike

S, M, B and L are the same in Node.js without promises. It tells each step by a
line on standard output: `open`, the number of each transaction after the call
has returned, `turn`, `checkpoint`, `close`, `end`, or `error` and what it was.

The last word of the order, if there is one, is a transaction k of a dead writer
of which nobody knows whether it was applied. It is made again, whatever the
language of the dead one, and told by `again`, before the process writes for
itself.

Four letters of the process in Python are wrong on purpose, to prove that the
checks can fail: e acknowledges before it writes, o writes the total outside of
the transaction, x runs a statement that is an error, u makes k without a key.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]

COMMANDS = {
    "c": (ROOT / "build/debug/tests/system/killloop_writer",),
    "go": (ROOT / "build/killloop/writer",),
    "node": ("node", HERE / "writer.mjs"),
    "python": (ROOT / "build/python/venv/bin/python", HERE / "writer.py"),
}
BUILT = (COMMANDS["c"][0], COMMANDS["go"][0], COMMANDS["python"][0],
         ROOT / "bindings/node/prebuilds")  # fmt: skip
LETTERS = {"c": "smblctr", "go": "smblctr", "node": "smblSMBLctr", "python": "smbldwkctr"}
READING = "ctrx"  # letters that make no transaction
ACKNOWLEDGEMENT = "acknowledgement"


class Violation(Exception):
    """A promise was broken; the text says which."""


def missing() -> list[Path]:
    """What must be built and is not."""
    return [path for path in map(Path, BUILT) if not path.exists()]


def dsn(path: Path, **options: object) -> str:
    return f"file:{quote(str(path))}?" + "&".join(f"{name}={options[name]}" for name in options)


class Process:
    """One process that writes."""

    def __init__(self, language: str, log: Path, command: tuple[object, ...] = ()) -> None:
        self.language = language
        self.writer = 0  # 0: it waits for its order
        self.plan = ""
        self.acknowledged = 0  # the last number
        self.again: Process | None = None  # whose transaction it makes again
        self.told: Counter[str] = Counter()  # how often it told which word
        self.moment = ""  # at which it was killed
        self.status: int | None = None
        self._log = log
        self._rest = b""
        words = [str(word) for word in command or COMMANDS[language]]
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                words, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )

    def __str__(self) -> str:
        return f"writer {self.writer} ({self.language}, pid {self._process.pid}, plan {self.plan})"

    def fileno(self) -> int:
        assert self._process.stdout
        return self._process.stdout.fileno()

    @property
    def was_killed(self) -> bool:
        return self.status == -9

    @property
    def can_be_made_again(self) -> bool:
        """Whether the transaction under way, when it was killed, has a key."""
        letters = [letter for letter in self.plan if letter not in READING]
        return (
            self.was_killed
            and self.acknowledged > 0  # so that it is in the table `writer`
            and letters[self.acknowledged % len(letters)] == "k"
        )

    # -------------------------------------------------------------- talking

    def order(self, name: str, writer: int, plan: str, again: Process | None) -> None:
        assert self._process.stdin
        self.writer, self.plan, self.again = writer, plan, again
        words = [name, str(writer), plan]
        if again:
            words.append(f"{again.writer}/{again.acknowledged + 1}")
        try:
            self._process.stdin.write(f"{' '.join(words)}\n".encode())
        except BrokenPipeError:
            pass  # it could not even begin, which shows as its end

    def stop(self) -> None:
        """Ask it to finish what it is about, to close, and to end."""
        assert self._process.stdin
        self._process.stdin.close()

    def hear(self) -> None:
        """Take in all that it has told: a pipe holds no more than this."""
        told = os.read(self.fileno(), 1 << 16)
        *lines, self._rest = (self._rest + told).split(b"\n")
        for line in lines:
            self._take(line.decode(errors="replace"))
        if not told:
            self._ended()

    def _take(self, line: str) -> None:
        word, _, text = line.partition(" ")
        if word == "error":
            raise Violation(f"{self} met an error: {text}")
        if word.isdecimal():
            if int(word) != self.acknowledged + 1:
                raise Violation(f"{self} acknowledged {word} after {self.acknowledged}")
            self.acknowledged += 1
            word = ACKNOWLEDGEMENT
        if word == "again" and self.again:
            self.again.acknowledged += 1
            self.again = None
        self.told[word] += 1

    # --------------------------------------------------------------- ending

    def kill(self, moment: str) -> None:
        self.moment = moment
        self._process.kill()

    def _ended(self) -> None:
        self.status = self._process.wait()
        if self.moment and self.was_killed or self.status == 0 and self.told["end"]:
            return
        words = self._log.read_text(errors="replace").strip()[-2000:]
        raise Violation(f"{self} ended with status {self.status}: {words}")

    def end(self) -> None:
        """End it, whatever it does."""
        assert self._process.stdin and self._process.stdout
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


class Crew:
    """All processes. One of each language is always started ahead: a process
    that begins to write must not wait for its interpreter."""

    def __init__(self, folder: Path, patience: float) -> None:
        self.running: list[Process] = []
        self._folder = folder
        self._patience = patience
        self._started = 0
        self._all: list[Process] = []
        self._selector = selectors.DefaultSelector()
        self._waiting = {language: self._launch(language) for language in COMMANDS}

    def _launch(self, language: str, command: tuple[object, ...] = ()) -> Process:
        log = self._folder / f"{len(self._all)}-{language}.log"
        self._all.append(Process(language, log, command))
        return self._all[-1]

    def _run(self, process: Process) -> Process:
        self.running.append(process)
        self._selector.register(process, selectors.EVENT_READ)
        return process

    def start(
        self, language: str, name: str, plan: str, again: Process | None = None
    ) -> Process:
        process = self._waiting[language]
        self._waiting[language] = self._launch(language)
        self._started += 1
        process.order(name, self._started, plan, again)
        return self._run(process)

    def start_other(self, language: str, command: tuple[object, ...]) -> Process:
        """Start a process that takes no order."""
        process = self._launch(language, command)
        self._started += 1
        process.writer = self._started
        return self._run(process)

    def hear(self, seconds: float = 0.0) -> None:
        """Hear all that was told until now, after waiting for a word."""
        for key, _ in self._selector.select(seconds):
            process = key.fileobj
            assert isinstance(process, Process)
            process.hear()
            if process.status is not None:
                self._selector.unregister(process)
                self.running.remove(process)

    def until(self, done: Callable[[], object], what: str) -> None:
        end = time.monotonic() + self._patience
        while not done():
            if time.monotonic() > end:
                told = "; ".join(f"{each} told {dict(each.told)}" for each in self.running)
                raise Violation(f"not within {self._patience:.0f} s: {what}. Running: {told}")
            self.hear(0.1)

    def all_write(self, more: int) -> None:
        """Each process that runs acknowledges so many more."""
        goals = {process: process.acknowledged + more for process in self.running}
        self.until(
            lambda: all(process.acknowledged >= goal for process, goal in goals.items()),
            "every survivor goes on",
        )

    def stop(self) -> None:
        for process in self.running:
            process.stop()

    def until_ended(self) -> None:
        self.until(lambda: not self.running, "all have ended")

    def end(self) -> None:
        for process in self._all:
            process.end()
        self._selector.close()
