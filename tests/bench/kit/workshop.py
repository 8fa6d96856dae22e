"""The private folder of the benchmarks, and how a command runs in it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


class Failed(Exception):
    """Something could not be installed, built or run; the text says what."""


def file_system(folder: Path) -> str:
    """The type of it, by the longest mount point above the folder."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return "a file system that this system does not tell"
    above = [mount for mount in mounts if folder.is_relative_to(mount[1])]
    return max(above, key=lambda mount: len(mount[1]))[2]


class Workshop:
    """Everything that is made stands in `folder`; the log of it too."""

    def __init__(self) -> None:
        self.root = Path(__file__).resolve().parents[3]
        self.source = self.root / "tests" / "bench"
        self.folder = self.root / ".tools" / "bench"
        self.log = self.folder / "bench.log"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = (self.folder / "lock").open("w")
        self.wait_for_others()
        self.log.write_text("")

    def wait_for_others(self) -> None:
        """Two benchmarks at a time would measure, and overwrite, each other.
        The lock ends with this process."""
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.say("another benchmark is running in this checkout; waiting for its end")
            fcntl.flock(self.lock, fcntl.LOCK_EX)

    def surroundings(self) -> str:
        """What a figure depends on and does not say."""
        load = os.getloadavg()[0]
        return f"{os.cpu_count()} cores, load {load:.1f}, database files on {file_system(self.folder)}"

    def say(self, text: str) -> None:
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def run(
        self,
        command: list[str | Path],
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Run a command into the log; its last lines are in the error."""
        with self.log.open("a") as log:
            print("$", *command, file=log, flush=True)
            start = log.tell()
            status = subprocess.run(
                command, cwd=cwd or self.folder, env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            ).returncode
        if status:
            tail = self.log.read_text(errors="replace")[start:].splitlines()[-15:]
            raise Failed("\n".join([f"failed: {' '.join(map(str, command))}", *tail]))

    def output(self, command: list[str | Path], cwd: Path | None = None) -> str:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"failed: {' '.join(map(str, command))}\n{done.stderr}")
        return done.stdout.strip()

    def stamped(self, name: str, pins: str) -> bool:
        """True where `name` was completed for the same pins."""
        stamp = self.folder / name / ".stamp"
        return stamp.exists() and stamp.read_text() == pins

    def stamp(self, name: str, pins: str) -> None:
        (self.folder / name / ".stamp").write_text(pins)
