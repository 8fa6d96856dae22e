"""All processes of the demo: one place to hear them, and to end them."""

from __future__ import annotations

import selectors
import signal
import time
from collections.abc import Callable

from child import SILENCE, Child, Failed

PATIENCE = 30.0  # seconds for a process to begin


class Crew:
    def __init__(self) -> None:
        self.children: list[Child] = []
        self._selector = selectors.DefaultSelector()

    def add(self, child: Child) -> Child:
        assert child.process.stdout
        self.children.append(child)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)
        return child

    def pump(self, seconds: float) -> None:
        """Hear what they say, for at most so long."""
        for key, _ in self._selector.select(seconds):
            child: Child = key.data
            if not child.listen():
                self._selector.unregister(key.fileobj)
        self._check_silence()

    def _check_silence(self) -> None:
        # A process that hangs may hold the writer, so that the others fall
        # silent with it: all of them are named.
        if all(child.silent < SILENCE for child in self.children):
            return
        raise Failed(
            "; ".join(
                f"the {child.title} (pid {child.pid}) hangs: nothing was heard of it "
                f"for {child.silent:.0f} s"
                for child in self.children
                if child.silent > SILENCE - 2
            )
        )

    def _until(self, done: Callable[[Child], object], seconds: float, late: str) -> None:
        end = time.monotonic() + seconds
        while waiting := [child for child in self.children if not done(child)]:
            if time.monotonic() > end:
                child = waiting[0]
                raise Failed(f"the {child.title} (pid {child.pid}) {late} {seconds:.0f} s")
            self.pump(0.05)

    def await_ready(self) -> None:
        self._until(lambda child: child.ready is not None, PATIENCE, "did not begin within")

    def finish(self) -> None:
        """Let all of them end by themselves."""
        for child in self.children:
            if child.running:
                child.stop()
        self._until(lambda child: not child.running, SILENCE, "did not end within")

    def end(self) -> None:
        """Nothing of them is left, whatever has happened or happens now."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for child in self.children:
            child.end()
        self._selector.close()
