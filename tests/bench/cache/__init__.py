"""Group cache: what the page caches of readers bring and cost, with default options
and beside them with others."""

from __future__ import annotations

from kit import ours
from kit.measure import Command, Group, Program
from kit.workshop import Workshop

SECONDS = 2.0  # of which each of five sides gets its part
LOADS = [f"{size}{asks}{commits}" for size in ("fits", "large") for asks in ("points", "scans") for commits in (0, 100, 1000)]
READERS = [f"readers{asks}{commits}" for asks in ("points", "scans") for commits in (0, 1000)]


def c_program(shop: Workshop) -> Command:
    folder = shop.folder / "data"
    folder.mkdir(exist_ok=True)
    program = ours.c_program(shop, "cache", "cache.c", "item.c", "visit.c", "held.c", "../kit/pulse.c")
    return Command([program, folder])


GROUP = Group((
    Program("C", (*(f"{load}.rate" for load in LOADS + READERS), "held.bytes"), c_program),
), SECONDS)
