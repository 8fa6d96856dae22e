"""What a README names is there: files of the house and tests in backticks, the
rooms of the core in the map. And what is there is named: each reason of health,
each file of scenarios."""

import re

from _check import files, main, where

HEADER = "include/walpool.h"
REASON = re.compile(r'^    X\(\w+, "(\w+)", \d+, ', re.M)
NAMED = re.compile(
    r"`((?:tests|core|bindings|packaging|include)/[\w/.*-]*|(?:test|api)_[\w.*]+)`"
)
ROOMS = re.compile(r"^\| `core/` .*$", re.M)
# Every place that lists the codes of all reasons, and how it writes one.
LISTS = {
    "README.md": "| `%s` | ",
    "bindings/health.schema.json": '"%s"',
    "bindings/node/index.d.ts": "'%s'",
    "bindings/go/walpool/health.go": '"%s"',
}


def is_there(root, readme, name):
    """Below the root, the tests, or the folder of the README or one beside it; a
    test may be named without its extension, several with a star."""
    places = [root, root / "tests", root / "tests/system", readme.parent, readme.parent.parent]
    pattern = name.rstrip("/*")
    return any(list(place.glob(f"{pattern}*")) for place in places)


def names(root, readme):
    text = readme.read_text()
    for found in NAMED.finditer(text):
        if not is_there(root, readme, found.group(1)):
            yield found.start(), f"there is no {found.group(1)}"
    for row in ROOMS.finditer(text):
        for room in re.findall(r"`(\w+)`", row.group()):
            if not (root / f"core/{room}.c").exists():
                yield row.start(), f"there is no room core/{room}.c"


def unlisted(root):
    header = root / HEADER
    codes = REASON.findall(header.read_text()) if header.exists() else []
    if not codes:
        yield f"{HEADER}:1: there is no reason of health"
    for place, form in LISTS.items():
        path = root / place
        text = path.read_text() if path.exists() else ""
        for code in codes:
            if form % code not in text:
                yield f"{place}:1: add the reason {code}; {HEADER} has it"


def untold(root):
    readme = root / "tests/contract/README.md"
    text = readme.read_text() if readme.exists() else ""
    for path in files(root, "tests/contract/*.json"):
        if f"`{path.stem}`" not in text:
            yield f"{where(root, readme)}: say what {path.name} is about"


def check(root):
    problems = [*unlisted(root), *untold(root)]
    for readme in files(root, "README.md", "*/README.md"):
        text = readme.read_text()
        problems += [
            f"{where(root, readme, text.count(chr(10), 0, at) + 1)}: {what}; correct the name"
            for at, what in names(root, readme)
        ]
    return problems


GOOD = {
    HEADER: '    X(DISK_LOW, "disk_low", 4, "no room")\n',
    "README.md": "| `disk_low` | it |\n`tests/system/test_a`, `test_a`, `core/api_*`, `other`\n"
    "| `core/` L0 | `mem` |\n",
    "tests/system/README.md": "`test_a`, `core/api_b.c`\n",
    "tests/contract/README.md": "`basics`\n",
    "tests/contract/basics.json": "{}",
    "tests/system/test_a.c": "",
    "tests/core/api_b.c": "",
    "core/mem.c": "",
    "bindings/health.schema.json": '["disk_low"]\n',
    "bindings/node/index.d.ts": "code: 'disk_low'\n",
    "bindings/go/walpool/health.go": 'x("disk_low")\n',
}
BROKEN = {
    f"{HEADER}:1: there is no reason": {HEADER: None},
    "README.md:2: there is no tests/system/test_a": {"tests/system/test_a.c": None},
    "tests/system/README.md:1: there is no core/api_b.c": {"tests/core/api_b.c": None},
    "tests/contract/README.md:1: say what types.json is": {"tests/contract/types.json": "{}"},
    "README.md:3: there is no room core/mem.c": {"core/mem.c": None},
    **{f"{place}:1: add the reason disk_low": {place: "\n"} for place in LISTS},
}

if __name__ == "__main__":
    main(check, GOOD, BROKEN)
