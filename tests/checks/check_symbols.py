"""libwalpool exports the functions of include/walpool.h, and nothing else."""

from _check import compiler, main, run, where
from _header import functions

BUILD = "build/debug"


def exported(library):
    status, listing = run(["nm", "-D", "--defined-only", str(library)])
    if status:
        raise SystemExit(listing)
    fields = [line.split() for line in listing.splitlines()]
    # An absolute symbol is the name of a version, not of a thing.
    return {name.partition("@")[0] for *_, kind, name in fields if kind != "A"}


def check(root):
    header = root / "include/walpool.h"
    declared = {found.name: found.line for found in functions(header.read_text())}
    libraries = sorted((root / BUILD).glob("**/libwalpool.so"))
    if not declared or len(libraries) != 1:
        return [f"{BUILD} must hold one libwalpool.so: run sh tests/all.sh build"]
    names = exported(libraries[0])
    return [
        f"{where(root, header, line)}: define {name}; the library lacks it"
        for name, line in declared.items()
        if name not in names
    ] + [
        f"{where(root, libraries[0])}: hide {name}, or declare it in "
        "include/walpool.h with WALPOOL_API"
        for name in sorted(names - declared.keys())
    ]


def link(root):
    folder = root / BUILD
    folder.mkdir(parents=True)
    library, source = str(folder / "libwalpool.so"), str(root / "one.c")
    run([*compiler(), "-shared", "-fPIC", "-o", library, source])


GOOD = {
    "include/walpool.h": "#define WALPOOL_API\nWALPOOL_API int\nwalpool_one(void);\n",
    "one.c": "int walpool_one(void) { return 1; }\n",
}
BROKEN = {
    "include/walpool.h:2: define walpool_two": {
        "include/walpool.h": "/* */\nWALPOOL_API int walpool_two(int (*f)(int));\n"
    },
    "hide helper": {"one.c": "int walpool_one(void) { return 1; }\nint helper;\n"},
    "must hold one libwalpool.so": {"one.c": "no C at all\n"},
}

if __name__ == "__main__":
    main(check, GOOD, BROKEN, prepare=link)
