"""The result, for people (in the width that there is) and for programs."""

from __future__ import annotations

import os
import shutil
import textwrap
from typing import Any, TextIO

import walpool
from options import Input
from proofs import Proof
from words import count, group, megabytes, milliseconds

Summary = dict[str, Any]

NAME, CELL = 14, 7
SHOWN = 20  # malformed records, one by one
TABLE = NAME + 9 + 8 + 6 * CELL + 6  # columns of the whole table


def spread(times: dict[str, int | None]) -> list[str]:
    return [milliseconds(times[name]) for name in ("p50", "p99", "max")]


def rate(summary: Summary) -> str:
    value = summary["operations_per_second"]
    return "-" if value is None else group(value)


def name(summary: Summary) -> str:
    language, role = summary["title"].split()
    return f"{language}, killed" if summary["killed"] else f"{language} {role}"


class Report:
    """Writes for people."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.width = shutil.get_terminal_size().columns
        self.colour = stream.isatty() and "NO_COLOR" not in os.environ

    def write(self, text: str) -> None:
        lines = textwrap.wrap(
            text, max(self.width - 1, 20), break_long_words=False, break_on_hyphens=False
        )
        print("\n".join(lines), file=self.stream, flush=True)

    def paint(self, text: str, good: bool) -> str:
        return f"\x1b[{32 if good else 31}m{text}\x1b[0m" if self.colour else text

    def announce(self, source: Input, workers: int) -> None:
        """What is to be done, and what of the input is not."""
        version = walpool.version()
        self.write(f"walpool demo: {count(len(source.records), 'record')} of {source.path}")
        self.write(
            f"walpool {version.walpool} on SQLite {version.sqlite}: a Python loader, {workers} "
            f"Go and {workers} Node.js workers, a Python reader"
        )
        for each in source.malformed[:SHOWN]:
            self.write(f"line {each.line}: {each.reason}; record skipped")
        if more := len(source.malformed[SHOWN:]):
            self.write(f"and {count(more, 'more malformed record')} skipped")

    def tell(self, result: Summary, proofs: list[Proof]) -> None:
        print(file=self.stream)
        self._proofs(proofs)
        print(file=self.stream)
        draw = self._wide if self.width > TABLE else self._narrow
        print("\n".join(draw(result["processes"])), file=self.stream)
        print(file=self.stream)
        self._conclude(result, proofs)

    # ---------------------------------------------------------------- proofs

    def _conclude(self, result: Summary, proofs: list[Proof]) -> None:
        skipped = len(result["malformed"])
        self.write(
            f"{count(result['done'], 'job')} in {result['seconds']:.2f} s, "
            f"{group(result['jobs_per_second'])}/s"
            + (f"; {count(skipped, 'malformed record')} skipped" if skipped else "")
        )
        failed = sum(not proof.holds for proof in proofs)
        text = f"{failed} of {len(proofs)} proofs FAILED" if failed else (
            f"all {len(proofs)} proofs hold"
        )
        print(self.paint(text, not failed), file=self.stream, flush=True)

    def _proofs(self, proofs: list[Proof]) -> None:
        for proof in proofs:
            mark = "  proved" if proof.holds else "  FAILED"
            lines = textwrap.wrap(proof.text, max(self.width - 11, 20))
            print(self.paint(mark, proof.holds), ("\n" + " " * 9).join(lines), file=self.stream)

    # ----------------------------------------------------------------- table

    @staticmethod
    def _row(name: str, *cells: str) -> str:
        widths = (9, 8, *(CELL,) * 6, 6)
        return name.ljust(NAME) + "".join(map(str.rjust, cells, widths))

    def _wide(self, summaries: list[Summary]) -> list[str]:
        times = ("p50", "p99", "max") * 2
        lines = [
            f"{'':{NAME + 17}}{'wait for writer, ms':>{3 * CELL}}"
            f"{'whole call, ms':>{3 * CELL}}  WAL,",
            self._row("process", "ops", "ops/s", *times, "MiB"),
        ]
        for each in summaries:
            waits, calls = spread(each["writer_wait_us"]), spread(each["call_us"])
            size = f"{each['wal_bytes_highest'] / 2**20:.1f}"
            count = group(each["operations"])
            lines.append(self._row(name(each), count, rate(each), *waits, *calls, size))
        return lines

    @staticmethod
    def _narrow(summaries: list[Summary]) -> list[str]:
        lines = ["Times: median, p99, longest"]
        for each in summaries:
            lines += [
                name(each),
                f"  ops        {group(each['operations'])}, {rate(each)}/s",
                f"  wait, ms   {'  '.join(spread(each['writer_wait_us']))}",
                f"  call, ms   {'  '.join(spread(each['call_us']))}",
                f"  WAL        {megabytes(each['wal_bytes_highest'])}",
            ]
        return lines
