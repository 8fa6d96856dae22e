"""Group wal: how far the WAL grows beside readers and what it costs the writer;
health, opening, beside raw SQLite that checkpoints by itself."""

from __future__ import annotations

from kit import ours
from kit.measure import Command, Group, Program
from kit.workshop import Workshop

SECONDS = 10.0


def c_program(shop: Workshop) -> Command:
    folder = shop.folder / "data"
    folder.mkdir(exist_ok=True)
    program = ours.c_program(shop, "wal", "wal.c", "overlap.c", "reader.c", "health.c", "opening.c", "copying.c",
                             "../kit/writer.c")
    return Command([program, folder])


GROUP = Group((
    Program("C", (
        "overlap.rate", "overlap.worst", "overlap.p999", "overlap.highest",
        "warm.bytes", "warm.highest", "warm.stayed",
        "endlesswarn.named", "endlesswarn.refused",
        "endlessbackpressure.highest", "endlessbackpressure.named",
        "endlessfail.highest", "endlessfail.named",
        "endlessinterrupt.highest", "endlessinterrupt.refused",
        "healthidle.p50", "healthidle.p99", "healthload.p50", "healthload.p99",
        "healthlocked.p50", "healthlocked.p99",
        "backup.time", "backup.p99",
        "opening.time",
    ), c_program),
), SECONDS)
