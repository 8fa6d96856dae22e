"""Builds the three packages as their users get them, where something changed:
the wheel into an environment of its own, the npm tarball into a project of its
own, the Go module into a program of its own. All of it stands in build/demo.
Then main.py takes over, by the Python that has the wheel."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILT = ROOT / "build" / "demo"
LIMIT = 900  # seconds for one command


class Failed(Exception):
    """A command failed; the text says which, and what it said."""


@dataclass(frozen=True, slots=True)
class Package:
    name: str  # its folder in build/demo, and its log
    title: str
    build: Callable[[Runner], None]
    sources: tuple[str, ...]
    tool: tuple[str, ...]  # whose version matters

    def fingerprint(self) -> str:
        """Of everything that goes into it."""
        known = hashlib.sha256(str(ROOT).encode())
        for command in (self.tool, ("pkg-config", "--modversion", "sqlite3")):
            known.update(subprocess.run(command, cwd=HERE / "go", capture_output=True).stdout)
        for path in sorted(files(self.sources)):
            known.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
        return known.hexdigest()


def files(sources: tuple[str, ...]) -> Iterator[Path]:
    for source in (ROOT / name for name in sources):
        if source.is_file():
            yield source
        for folder, inner, names in os.walk(source):
            inner[:] = [name for name in inner if name not in ("prebuilds", "__pycache__")]
            yield from (Path(folder, name) for name in names)


# ---------------------------------------------------------- running commands


class Runner:
    """Runs the commands of one package into its log, and shows the time."""

    def __init__(self, title: str, log: Path) -> None:
        self.log = log
        self._title = title
        self._began = time.monotonic()
        self._live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        log.write_bytes(b"")
        if not self._live:
            print(f"demo: building the {title}", file=sys.stderr, flush=True)

    def run(self, cwd: Path, *command: object) -> None:
        words = [str(word) for word in command]
        with self.log.open("a") as log:
            print("$", *words, file=log, flush=True)
            try:
                process = subprocess.Popen(
                    words, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True,  # so that all of it can be ended
                )
            except OSError as error:
                raise Failed(f"cannot run {words[0]}: {error.strerror}") from error
        try:
            status = self._wait(process, words)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
        if status:
            raise Failed(f"{' '.join(words)} ended with status {status}{self._tail()}")

    def _wait(self, process: subprocess.Popen[bytes], words: list[str]) -> int:
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            try:
                return process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                self._show("")
        raise Failed(f"{' '.join(words)} has not ended after {LIMIT} s{self._tail()}")

    def _tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return "".join(f"\n  | {line}" for line in lines) + f"\n  the whole log: {self.log}"

    def _show(self, end: str) -> None:
        if self._live:
            text = f"demo: building the {self._title}, {time.monotonic() - self._began:.0f} s"
            width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            print(f"\r{text[: width - 1]}\x1b[K", end=end, file=sys.stderr, flush=True)

    def end(self) -> None:
        self._show("\n")


# --------------------------------------------------------------- the packages


def build_python(runner: Runner) -> None:
    folder, wheels = BUILT / "python", BUILT / "wheel"
    shutil.rmtree(wheels, ignore_errors=True)
    runner.run(ROOT, sys.executable, "-m", "venv", "--clear", folder)
    pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    runner.run(ROOT, *pip, "wheel", "--no-deps", "--wheel-dir", wheels, ROOT)
    runner.run(ROOT, *pip, "install", "--no-deps", *wheels.glob("*.whl"))
    runner.run(folder, folder / "bin" / "python", "-c", "import walpool; walpool.version()")


def build_node(runner: Runner) -> None:
    folder = BUILT / "node"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    runner.run(ROOT, "npm", "pack", "--pack-destination", folder)
    (folder / "package.json").write_text('{"name": "demo", "private": true}\n')
    tarball = next(folder.glob("*.tgz"))
    runner.run(folder, "npm", "install", f"./{tarball.name}", "--ignore-scripts",
               "--no-audit", "--no-fund")
    for source in (HERE / "node").glob("*.mjs"):
        shutil.copy(source, folder)
    runner.run(folder, "node", "-e", "require('walpool').version()")


def build_go(runner: Runner) -> None:
    (BUILT / "go").mkdir(exist_ok=True)
    # Without -buildvcs=false a checkout of another user's is an error.
    runner.run(HERE / "go", "go", "build", "-buildvcs=false", "-o", BUILT / "go" / "worker", ".")


CORE = ("core", "include", "meson.build", "meson_options.txt", "packaging/sqlite",
        "bindings/walpool.i", "packaging/demo/build.py")
PACKAGES = (
    Package("python", "Python package (pip wheel, pip install)", build_python,
            (*CORE, "bindings/python", "pyproject.toml"), (sys.executable, "--version")),
    Package("node", "Node.js package (npm pack, npm install)", build_node,
            (*CORE, "bindings/node", "package.json", "packaging/node", "packaging/demo/node"),
            ("node", "--version")),
    Package("go", "Go program that imports the package", build_go,
            (*CORE, "bindings/go", "go.mod", "packaging/demo/go"), ("go", "version")),
)


def build(package: Package) -> None:
    stamp = BUILT / f"{package.name}.stamp"
    fingerprint = package.fingerprint()
    if (BUILT / package.name).is_dir() and stamp.exists() and stamp.read_text() == fingerprint:
        return
    stamp.unlink(missing_ok=True)
    runner = Runner(package.title, BUILT / f"{package.name}.log")
    try:
        package.build(runner)
    finally:
        runner.end()
    stamp.write_text(fingerprint)


def build_all() -> None:
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another demo may be building
        for package in PACKAGES:
            build(package)


def fail(message: str) -> int:
    print(f"demo: cannot build the packages: {message}", file=sys.stderr)
    if "--json" in sys.argv:
        print(json.dumps({"ok": False, "error": message}))
    return 1


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        build_all()
    except Failed as error:
        return fail(str(error))
    except OSError as error:
        return fail(str(error))
    except KeyboardInterrupt:
        print("\ndemo: stopped", file=sys.stderr)
        return 130
    python = str(BUILT / "python" / "bin" / "python")
    os.execv(python, [python, str(HERE / "main.py"), *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
