"""Every option of core/option_table.c is known wherever options are listed: the
header, the README with its default, and the types and tests of each language.
"""

import re

from _check import main, where

TABLE = "core/option_table.c"
FIELDS = re.compile(r"^    FIELD\((\w+), (\w+), ", re.M)
SPELLINGS = re.compile(r'^    \{"(\w+)", SLOT\((\w+)\), \w+, (?:"([^"]*)"|NULL)', re.M)
MEMBERS = re.compile(r"^    u?int\w+ (\w+);", re.M)
MILLISECONDS = "milliseconds"


def camel(name):
    return re.sub(r"_(\w)", lambda found: found.group(1).upper(), name)


def part(text, begin, end):
    return text.partition(begin)[2].partition(end)[0]


# Where each option must be, as a pattern. %s: its name.
PLACES = {
    "include/walpool.h": lambda name: rf"\b{name}\b",
    "README.md": lambda name: rf"^\| `{name}` \| ",
    "bindings/python/walpool/_types.py": lambda name: rf"^    {name}: ",
    "tests/python/test_open.py": lambda name: rf"^        {name}=",
    "bindings/node/index.d.ts": lambda name: rf"^    {camel(name)}\?: ",
    "tests/node/example.ts": lambda name: rf"\b{camel(name)}: ",
    "tests/node/calls.test.mjs": lambda name: rf"\b{camel(name)}: ",
    "bindings/go/walpool/options.go": lambda name: rf'"{name}", ',
}
# The part of a file in which it must be; otherwise anywhere.
PARTS = {
    "include/walpool.h": (" * Names: ", "A leading underscore"),
    "bindings/python/walpool/_types.py": ("class Options", "\nclass "),
    "tests/python/test_open.py": ("walpool.Options(", "\n    )"),
    "bindings/node/index.d.ts": ("interface NamedOptions {", "\n}"),
    "tests/node/example.ts": ("const every: OpenOptions = {", "\n}"),
    "tests/node/calls.test.mjs": ("'open: takes every option'", "\n    });"),
    "bindings/go/walpool/options.go": ("func (o *Options) text()", "\n}"),
}


def options(text):
    """{name: (member of walpool_options, unit)}, by the first spelling."""
    members = dict(FIELDS.findall(text))
    known = {}
    for name, slot, unit in SPELLINGS.findall(text):
        if slot in members and members[slot] not in [member for member, _ in known.values()]:
            known[name] = members[slot], unit
    return known


def read(root, name):
    path = root / name
    return path.read_text() if path.exists() else ""


def missing(root, names):
    for place, pattern in PLACES.items():
        text = read(root, place)
        if place in PARTS:
            text = part(text, *PARTS[place])
        for name in names:
            if not re.search(pattern(name), text, re.M):
                yield f"{place}:1: say what the option {name} is, or try it; {TABLE} has it"


def defaults(root):
    """{member: its number in WALPOOL_OPTIONS_INIT}, as text."""
    header = read(root, "include/walpool.h")
    members = MEMBERS.findall(part(header, "typedef struct walpool_options {", "} walpool_options;"))
    values = part(header, "#define WALPOOL_OPTIONS_INIT", "}").replace("\\", "")
    numbers = [value.strip() for value in values.partition("{")[2].split(",")]
    return dict(zip(members, numbers, strict=True))


def wrong_defaults(root, known):
    """Defaults that are numbers are the header's; words are for the tests."""
    at = defaults(root)
    readme = root / "README.md"
    for number, line in enumerate(read(root, "README.md").splitlines(), 1):
        row = re.match(r"\| `(\w+)` \| (-?\d+)\b", line)
        if row and row.group(1) in known:
            name, shown = row.groups()
            if shown != at[known[name][0]]:
                yield (
                    f"{where(root, readme, number)}: the default of {name} is "
                    f"{at[known[name][0]]}, not {shown}"
                )


def unknown_times(root, known):
    """Python takes seconds: each option in milliseconds must be converted."""
    place = "bindings/python/walpool/_options.py"
    table = part(read(root, place), "_IN_SECONDS = {", "\n}")
    for name, (_, unit) in known.items():
        if (unit == MILLISECONDS) != (f'"{name}":' in table):
            yield f"{place}:1: _IN_SECONDS is for the options in milliseconds: correct {name}"


def check(root):
    known = options(read(root, TABLE))
    if not known:
        return [f"{TABLE}:1: there is no option"]
    return [*missing(root, known), *wrong_defaults(root, known), *unknown_times(root, known)]


GOOD = {
    TABLE: '    FIELD(WARN, warn_ms, 0, 9),\n    {"the_warn", SLOT(WARN), false, "milliseconds", NULL},\n'
    '    {"warn", SLOT(WARN), true, "milliseconds", NULL},\n    {"fixed", SLOT(FIXED), true, NULL, x},\n',
    "include/walpool.h": "typedef struct walpool_options {\n    uint32_t version;\n    int64_t warn_ms;\n"
    "} walpool_options;\n#define WALPOOL_OPTIONS_INIT \\\n { \\\n  VERSION, \\\n 5 }\n"
    " * Names: the_warn, fixed. A leading underscore\n",
    "README.md": "| `the_warn` | 5 ms | 0 to 9 | x |\n",
    "bindings/python/walpool/_types.py": "class Options(X):\n    the_warn: float\n\nclass Y:\n",
    "bindings/python/walpool/_options.py": '_IN_SECONDS = {\n    "the_warn": 1,\n}\n',
    "tests/python/test_open.py": "    options = walpool.Options(\n        the_warn=1,\n    )\n",
    "bindings/node/index.d.ts": "interface NamedOptions {\n    theWarn?: number;\n}\n",
    "tests/node/example.ts": "const every: OpenOptions = {\n    theWarn: 1,\n};\n",
    "tests/node/calls.test.mjs": "test('open: takes every option', x({\n        theWarn: 1,\n    });\n",
    "bindings/go/walpool/options.go": 'func (o *Options) text() {\n\tt.duration("the_warn", o.W)\n}\n',
}
BROKEN = {
    f"{TABLE}:1: there is no option": {TABLE: ""},
    "README.md:1: the default of the_warn is 5, not 6": {"README.md": "| `the_warn` | 6 ms | x | x |\n"},
    "_options.py:1: _IN_SECONDS is": {"bindings/python/walpool/_options.py": "_IN_SECONDS = {\n}\n"},
    "_types.py:1: say what the option the_warn is": {
        "bindings/python/walpool/_types.py": "class Options(X):\n    x: int\n\nclass Y:\n    the_warn: float\n"
    },
    **{
        f"{place}:1: say what the option the_warn is": {place: GOOD[place].replace("arn", "")}
        for place in PLACES
        if place != "include/walpool.h"
    },
    "include/walpool.h:1: say what the option the_warn is": {
        "include/walpool.h": GOOD["include/walpool.h"].replace("the_warn", "warn")
    },
}

if __name__ == "__main__":
    main(check, GOOD, BROKEN)
