"""Progress: a bar that is redrawn in place on a terminal, lines elsewhere."""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TextIO

from jobs import Progress
from words import group, megabytes

EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(slots=True)
class View:
    """What there is to see."""

    total: int
    jobs: Progress = Progress(0, 0, 0)
    by_process: dict[str, int] = field(default_factory=dict)
    wal_bytes: int = 0
    verdict: str = "ok"


def bar(share: float, width: int, plain: bool) -> str:
    if plain:
        return ("#" * int(share * width)).ljust(width, ".")
    full, part = divmod(int(share * width * 8), 8)
    return ("█" * full + EIGHTHS[part] * (full < width)).ljust(width)


class Screen:
    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self.ascii = "utf" not in (stream.encoding or "").lower()
        self._drawn = 0  # lines of the live block that are on the screen
        self._last = 0.0
        self._tenth = -1
        self._seen: deque[tuple[float, int]] = deque()
        self._begin = 0.0

    def begin(self) -> None:
        """The jobs start now."""
        self._begin = time.monotonic()

    def say(self, text: str) -> None:
        """A line that stays, above the bar."""
        self._erase()
        print(text, file=self.stream, flush=True)
        self._last = 0.0

    def show(self, view: View, final: bool = False) -> None:
        now = time.monotonic()
        self._seen.append((now, view.jobs.done))
        while now - self._seen[0][0] > 1 and len(self._seen) > 2:
            self._seen.popleft()
        if self.live:
            if final or now - self._last >= 0.08:
                self._draw(view, now)
        elif final or self._due(view, now):
            self._print(view, now)
        if final:
            self._drawn = 0

    # ------------------------------------------------------------- contents

    def _rate(self, view: View, now: float) -> float:
        if view.jobs.done == view.total:  # the whole, not the last second
            return view.jobs.done / max(now - self._begin, 1e-3)
        (then, before) = self._seen[0]
        return (view.jobs.done - before) / max(now - then, 1e-3)

    def _head(self, view: View, now: float, width: int) -> str:
        share = view.jobs.done / view.total
        text = (
            f" {int(100 * share):3} %  {group(view.jobs.done)} of {group(view.total)} jobs  "
            f"{group(self._rate(view, now))}/s  {now - self._begin:.1f} s"
        )
        room = min(width - len(text) - 1, 40)
        return (bar(share, room, self.ascii) if room >= 5 else "") + text

    @staticmethod
    def _body(view: View, width: int) -> str:
        """As many parts as fit, the most telling ones first."""
        parts = [f"loaded {group(view.jobs.loaded)}", f"taken {view.jobs.taken}"]
        parts += [f"{name} {group(done)}" for name, done in view.by_process.items()]
        parts += [f"WAL {megabytes(view.wal_bytes)}", f"health {view.verdict}"]
        while len(parts) > 1 and len("  ".join(parts)) > width:
            parts.pop()
        return "  ".join(parts)

    # -------------------------------------------------------------- drawing

    def _erase(self) -> None:
        if self._drawn:
            self.stream.write(f"\x1b[{self._drawn}A\r\x1b[J")
            self._drawn = 0

    def _draw(self, view: View, now: float) -> None:
        width = os.get_terminal_size(self.stream.fileno()).columns or 80
        lines = [self._head(view, now, width), " " + self._body(view, width - 2)]
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        # A line that is cut never wraps, so the cursor knows its way back.
        self.stream.write(up + "".join(line[: width - 1] + "\x1b[K\n" for line in lines))
        self.stream.flush()
        self._drawn = len(lines)
        self._last = now

    def _due(self, view: View, now: float) -> bool:
        """Whether it is time for a line: every tenth, but not many a second."""
        tenth = 10 * view.jobs.done // view.total
        if now - self._last < (2 if tenth == self._tenth else 0.25):
            return False
        self._tenth, self._last = tenth, now
        return True

    def _print(self, view: View, now: float) -> None:
        head = self._head(view, now, 0).strip()
        print(f"{head}  {self._body(view, 200)}", file=self.stream, flush=True)
