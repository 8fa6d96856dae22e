"""Group reading: lookups by primary key and scans, beside raw SQLite and the
drivers that people use. The languages' programs are those of group border."""

from __future__ import annotations

import border
from kit import ours
from kit.data import copies
from kit.measure import Command, Group, Program
from kit.workshop import Workshop

SECONDS = 1.0


def c_program(shop: Workshop) -> Command:
    program = ours.c_program(shop, "reading", "reading.c", "lookup.c", "crowd.c", "callers.c", "idle.c",
                             "../kit/pulse.c")
    return Command([program, *copies(shop, "reading")])


GROUP = Group((
    Program("C", ("lookup1.rate", "lookup1commits.rate", "lookup2.rate", "lookup4.rate",
                  "callers.rate", "threads1000.rate", "idle.bytes"), c_program),
    Program("Python, the system's SQLite", ("python.lookup.system", "python.scan.system"),
            border.python_system, timed=False),
    Program("Python, SQLite compiled in", ("python.lookup.bundled",), border.python_bundled, timed=False),
    Program("Node.js 22", ("node22.lookup.prepared", "node22.lookup.text", "node22.scan.objects",
                           "node22.scan.arrays"), border.node22, timed=False),
    Program("Go", ("go.lookup", "go.scan"), border.go_program, timed=False),
), SECONDS)
