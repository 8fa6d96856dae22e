"""Every function of include/walpool.h has a row in tests/core/fork_calls.h,
which says what it does in a forked child."""

import re

from _check import main, where
from _header import functions

TABLE = "tests/core/fork_calls.h"
ROW = r"\b(?:FORKED|FORKED_NULL|WORKS|RETURNS|GIVES)\(\s*{},"


def check(root):
    header = root / "include/walpool.h"
    table = root / TABLE
    rows = table.read_text() if table.exists() else ""
    return [
        f"{where(root, header, function.line)}: give {function.name} a row in "
        f"{TABLE}: what does it do in a forked child?"
        for function in functions(header.read_text())
        if not re.search(ROW.format(function.name), rows)
    ]


GOOD = {
    "include/walpool.h": "WALPOOL_API int walpool_a(int x);\n"
    "WALPOOL_API void walpool_ab(void);\n",
    TABLE: "FORKED(walpool_a, (1));\n    RETURNS(\n        walpool_ab, ());\n",
}
BROKEN = {
    "give walpool_ab a row": {TABLE: "FORKED(walpool_a, (walpool_ab));\n"},
    ":1: give walpool_a a row": {TABLE: "WORKS(walpool_ab, ());\n"},
    ":2: give walpool_ab a row": {TABLE: None},
}

if __name__ == "__main__":
    main(check, GOOD, BROKEN)
