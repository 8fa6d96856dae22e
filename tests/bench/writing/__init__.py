"""Group writing: writers that wait for each other, in threads and processes,
beside connections of raw SQLite that do the same with busy_timeout."""

from __future__ import annotations

from pathlib import Path

from kit import ours
from kit.measure import Command, Group, Program
from kit.workshop import Workshop

HERE = Path(__file__).resolve().parent
SECONDS = 3.0


def c_program(shop: Workshop) -> Command:
    folder = shop.folder / "data"
    folder.mkdir(exist_ok=True)
    program = ours.c_program(shop, "writing", "writing.c", "load.c", "../kit/writer.c")
    return Command([program, folder, HERE / "foreign.py"])


GROUP = Group((
    Program("C", (
        "threads16.worst", "threads16.rate",
        "processes32.errors", "processes32.worst", "processes32.share",
        "processes32full.errors", "processes32full.p999", "processes32full.rate", "processes32full.share",
        "processes4x8.rate", "processes4x8.worst",
        "foreign.errors",
        "full16.rate", "full32.rate",
        "coalesce.rate", "coalescefull.rate",
        "alone.time", "alonefull.time", "batch.time",
    ), c_program),
), SECONDS)
