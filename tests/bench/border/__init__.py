"""Group border: what it costs to come through walpool, and each language's
way to it, beside raw SQLite and the drivers that people use today."""

from __future__ import annotations

import sys
from pathlib import Path

from kit import ours, peers
from kit.data import copies
from kit.measure import Command, Group, Program
from kit.workshop import Workshop

HERE = Path(__file__).resolve().parent


def c_program(shop: Workshop) -> Command:
    return Command([ours.c_program(shop, "border", "border.c"), *copies(shop, "ours", "raw")])


def python_command(shop: Workshop, package: Path) -> Command:
    path = [package, peers.python(shop), ours.python_hand(shop)]
    return Command([sys.executable, HERE / "border.py", *copies(shop, "ours", "stdlib", "apsw")],
                   {"PYTHONPATH": ":".join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"})


def python_system(shop: Workshop) -> Command:
    return python_command(shop, ours.python(shop, "system", None))


def python_bundled(shop: Workshop) -> Command:
    """On the SQLite that APSW carries; better-sqlite3's package has its source."""
    source = peers.Node(shop, 22).install().sqlite_source
    return python_command(shop, ours.python(shop, "bundled", source))


def node_command(shop: Workshop, major: int) -> Command:
    """On the SQLite source of that very better-sqlite3."""
    node = peers.Node(shop, major).install()
    package = ours.node(shop, f"node{major}", node)
    return Command([node.binary, "--expose-gc", HERE / "border.mjs", package, node.better,
                    ours.node_hand(shop, node.include), *copies(shop, "ours", "peer")])


def node22(shop: Workshop) -> Command:
    return node_command(shop, 22)


def node20(shop: Workshop) -> Command:
    return node_command(shop, 20)


def go_program(shop: Workshop) -> Command:
    program = ours.go_program(shop, peers.mattn_header(shop), peers.go_environment(shop))
    return Command([program, *copies(shop, "ours", "mattn", "zombiezen")])


GROUP = Group((
    Program("C", ("c.point", "c.scan", "c.open"), c_program),
    Program("Python, the system's SQLite", ("python.call", "python.scan.system", "python.empty.system",
                                           "python.blob.system", "python.open"), python_system),
    Program("Python, SQLite compiled in", ("python.scan.bundled", "python.empty.bundled",
                                           "python.blob.bundled"), python_bundled),
    Program("Node.js 22", ("node22.call", "node22.scan.objects", "node22.scan.arrays",
                           "node22.empty", "node22.blob", "node22.open"), node22),
    Program("Node.js 20", ("node20.scan.objects", "node20.scan.arrays"), node20),
    Program("Go", ("go.call", "go.scan", "go.empty", "go.blob", "go.open"), go_program),
))
