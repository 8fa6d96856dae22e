"""The core is built in layers: a file includes only modules that come before
its own in core/meson.build, and only the layers from L2 on know SQLite."""

import re

from _check import files, main, where

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
SOURCE = re.compile(r"#\s*(L\d)\b|^\s*'([\w/]+)\.[ch]'", re.M)
SQLITE = re.compile(r"sqlite3(ext)?\.h")


def modules(meson):
    """Module name to (position, layer number), as core/meson.build lists them."""
    listed = re.search(r"core_sources\s*=\s*files\((.*?)\n\s*\)", meson, re.S)
    ranks, layer = {}, None
    for found in SOURCE.finditer(listed.group(1) if listed else ""):
        if found.group(1):
            layer = int(found.group(1)[1:])
        elif layer is not None:
            ranks[found.group(2)] = (len(ranks) + 1, layer)
    return ranks


def includes(path):
    text = path.read_text()
    for found in INCLUDE.finditer(text):
        yield text.count("\n", 0, found.start(2)) + 1, found.group(2)


class Core:
    """The modules, their places, and what their headers include."""

    def __init__(self, ranks, sources):
        self.ranks = ranks
        self.headers = {
            path.stem: [name[:-2] for _, name in includes(path)]
            for path in sources
            if path.suffix == ".h"
        }

    def place(self, module, below=()):
        """(position, layer). A header without a .c file need not be listed: it
        is as high as the highest module that it includes."""
        if module in self.ranks or module in below:
            return self.ranks.get(module, (0, 0))
        inner = self.headers.get(module, ())
        return max((self.place(one, (*below, module)) for one in inner), default=(0, 0))

    def ring(self, module, path=()):
        """The way by which a header includes itself, or None."""
        if module in path:
            return (*path, module) if module == path[0] else None
        inner = self.headers.get(module, ())
        return next(filter(None, (self.ring(one, (*path, module)) for one in inner)), None)

    def judge(self, own, included):
        """What is wrong with this include, or None."""
        position, layer = self.place(own)
        name = included.rpartition("/")[2][:-2]
        if SQLITE.fullmatch(included) and layer < 2:
            return f"{own} is in L{layer}: only L2 and above may use SQLite"
        if name not in self.headers:
            return None  # the system's
        if "/" in included:
            return f"include {name}.h without a folder"
        if self.place(name)[0] > position:
            return (
                f"{own} comes before {name} in core/meson.build: pass what must "
                "go up as a callback, or move one of the two"
            )
        return None

    def problems(self, root, path):
        if path.suffix == ".c" and path.stem not in self.ranks:
            yield f"{where(root, path)}: name it in core/meson.build, in its layer"
            return
        for line, included in includes(path):
            wrong = self.judge(path.stem, included)
            if wrong:
                yield f"{where(root, path, line)}: {wrong}"
        ring = self.ring(path.stem) if path.suffix == ".h" else None
        if ring:
            yield f"{where(root, path)}: break the ring of includes: {' > '.join(ring)}"


def check(root):
    build = root / "core/meson.build"
    ranks = modules(build.read_text()) if build.exists() else {}
    if not ranks:
        return ["core/meson.build:1: list core_sources = files(...) with # L0 .. # L4"]
    sources = files(root, "core/*.[ch]")
    core = Core(ranks, sources)
    problems = [found for path in sources for found in core.problems(root, path)]
    for line, included in includes(root / "include/walpool.h"):
        if not included.startswith("std"):
            problems.append(
                f"include/walpool.h:{line}: users need nothing but C's own "
                f"headers; do not include {included}"
            )
    return problems


MESON = """core_sources = files(
  # L0: base
  'mem.c',
  # L1: pure (no SQLite)
  'rows.c',
  # L2: SQLite
  'conn.c',
)
"""
GOOD = {
    "core/meson.build": MESON,
    "include/walpool.h": "#include <stdint.h>\n",
    "core/base.h": "#include <stddef.h>\n",
    "core/list.h": '#include "base.h"\n#include "mem.h"\n',
    "core/mem.h": '#include "base.h"\n',
    "core/mem.c": '#include "mem.h"\n#include <stdlib.h>\n',
    "core/rows.h": '#include "mem.h"\n#include "walpool.h"\n',
    "core/rows.c": '#include "rows.h"\n',
    "core/conn.h": "#include <sqlite3.h>\n",
    "core/conn.c": '#include "conn.h"\n#include "list.h"\n',
}
BROKEN = {
    "core/rows.c:2: rows comes before conn": {
        "core/rows.c": '#include "rows.h"\n#include "conn.h"\n'
    },
    "core/mem.h:1: mem comes before rows": {"core/mem.h": '#include "rows.h"\n'},
    "core/rows.h:1: rows is in L1": {"core/rows.h": "# include <sqlite3.h>\n"},
    "core/base.h:1: base is in L0": {"core/base.h": '#include "sqlite3.h"\n'},
    "break the ring of includes: base > low > base": {
        "core/base.h": '#include "low.h"\n',
        "core/low.h": '#include "base.h"\n',
    },
    "core/mem.h:1: mem comes before base": {"core/base.h": '#include "rows.h"\n'},
    "core/extra.c:1: name it": {"core/extra.c": "\n"},
    "without a folder": {"core/rows.c": '#include "../core/conn.h"\n'},
    "do not include sqlite3.h": {"include/walpool.h": "#include <sqlite3.h>\n"},
    "list core_sources": {"core/meson.build": "core_sources = files(\n)\n"},
}

if __name__ == "__main__":
    main(check, GOOD, BROKEN)
