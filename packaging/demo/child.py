"""A process of the demo. It is told what to do by lines on its standard input
(start, hold; the end of it means stop), and answers by lines of JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from figures import Figures

SILENCE = 10.0  # seconds after which a process counts as hung


class Failed(Exception):
    """The demo cannot go on; the text says why."""


class Child:
    def __init__(self, name: str, title: str, command: list[str], log: Path) -> None:
        self.name = name
        self.title = title
        self.figures = Figures()
        self.ready: dict[str, Any] | None = None
        self.holding: int | None = None  # the job that it was told to keep
        self.may_end = False
        self.killed = False
        self._log = log
        self._rest = b""
        self._heard: float | None = None  # from the start on it speaks regularly
        try:
            with log.open("wb") as errors:
                self.process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                    bufsize=0, start_new_session=True,  # Ctrl-C is for the demo, which ends it
                )
        except OSError as error:
            raise Failed(f"cannot start the {title}, {command[0]}: {error.strerror}") from error

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def holder(self) -> str:
        """How its workers sign: this, a slash and their number."""
        return f"{self.name}-{self.pid}"

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    # -------------------------------------------------------------- talking

    def send(self, command: str) -> None:
        assert self.process.stdin
        try:
            self.process.stdin.write(command.encode() + b"\n")
        except BrokenPipeError:
            pass  # it has ended, which shows as the end of its output

    def start(self) -> None:
        self._heard = time.monotonic()
        self.send("start")

    def stop(self) -> None:
        """Ask it to finish what it is about, and to end."""
        assert self.process.stdin
        self.may_end = True
        self.process.stdin.close()

    def listen(self) -> bool:
        """Take in what it has said. False: that was the last."""
        assert self.process.stdout
        said = os.read(self.process.stdout.fileno(), 1 << 16)
        self._heard = self._heard and time.monotonic()
        *lines, self._rest = (self._rest + said).split(b"\n")
        for line in lines:
            self._take(line)
        if not said:
            self._ended()
        return bool(said)

    def _take(self, line: bytes) -> None:
        try:
            told = json.loads(line)
            event = told.pop("event")
        except (ValueError, KeyError, AttributeError):
            raise Failed(f"the {self.title} said {line[:200]!r}, which is no report") from None
        if event == "failed":
            raise Failed(f"the {self.title} (pid {self.pid}) failed: {told['error']}")
        if event == "ready":
            self.ready = told
        elif event == "holding":
            self.holding = told["job"]
        else:
            self.figures.add(told)

    # --------------------------------------------------------------- ending

    @property
    def silent(self) -> float:
        """Seconds since something was heard of it while it runs."""
        if not self.running or not self._heard:
            return 0.0
        return time.monotonic() - self._heard

    def _ended(self) -> None:
        try:
            status = self.process.wait(timeout=SILENCE)
        except subprocess.TimeoutExpired:
            raise Failed(f"the {self.title} (pid {self.pid}) hangs while it ends") from None
        if self.killed or (self.may_end and status == 0):
            return
        how = f"with status {status}" if status >= 0 else f"by {signal.Signals(-status).name}"
        raise Failed(f"the {self.title} (pid {self.pid}) ended {how}{self._last_words()}")

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()[-10:]
        return "".join(f"\n  {line}" for line in lines)

    def kill(self) -> None:
        self.killed = True
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """End it whatever it does: politely, then not."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        for act in (self.process.terminate, self.process.kill):
            if self.running:
                act()
                try:
                    self.process.wait(timeout=2)
                except subprocess.TimeoutExpired:
                    pass
        self.process.wait()
        self.process.stdout.close()
