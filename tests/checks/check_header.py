"""include/walpool.h stands alone in C11 and C++17, and the comment above each
function tells everything in the same order: what it does, each parameter, what
it returns, who owns what, on which threads, how long it blocks, its errors."""

import re

from _check import compiler, main, run, where
from _header import functions

LABELS = ("Owner", "Threads", "Blocks", "Errors", "Since")
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]


def compile_problems(header):
    for language, standard in (("c", "c11"), ("c++", "c++17")):
        status, output = run(
            [*compiler(language), f"-std={standard}", *STRICT, "-x", language,
             "-include", str(header), "/dev/null"]
        )
        if status:
            yield f"{header.name}:1: make it compile as {standard}: {output.strip()}"


def sections(function):
    """The marks that the comment must carry, in their order."""
    marks = [rf"@param\s+{name}\b" for name in function.params]
    if function.returns != "void":
        marks.append("@return")
    return marks + [rf"\b{label}:" for label in LABELS]


def doc_problems(function):
    doc = function.doc
    if not re.match(r"\s*[^\s@]", doc):
        yield "write a /** comment directly above that begins with what it does"
        return
    named = re.findall(r"@param\s+(\w+)", doc)
    for name in named:
        if name not in function.params:
            yield f"@param {name} is no parameter"
    if function.returns == "void" and "@return" in doc:
        yield "it returns nothing, so drop @return"
    end = 0
    for mark in sections(function):
        found = re.compile(mark).search(doc, end)
        shown = mark.replace(r"\s+", " ").replace(r"\b", "")
        if not found:
            known = re.search(mark, doc)
            yield (
                f"{'move' if known else 'add'} {shown}; the order is @param, "
                f"@return, {', '.join(LABELS)}"
            )
            continue
        end = found.end()
        if not re.match(rf"\s*(?!@|(?:{'|'.join(LABELS)}):)\S", doc[end:]):
            yield f"say something after {shown}"


def check(root):
    header = root / "include/walpool.h"
    found = list(functions(header.read_text()))
    if not found:
        return [f"{where(root, header)}: declare functions with WALPOOL_API"]
    return list(compile_problems(header)) + [
        f"{where(root, header, function.line)}: {function.name}: {problem}"
        for function in found
        for problem in doc_problems(function)
    ]


HEADER = """#ifndef WALPOOL_H
#define WALPOOL_H
#define WALPOOL_API
/**
 * Add one.
 *
 * @param number any number; 2, say.
 * @param apply  called; not kept.
 * @return the sum.
 * Owner: nothing. Threads: any. Blocks: never.
 * Errors: none. Since: 0.1
 */
WALPOOL_API int walpool_add(int number, int (*apply)(int, int));

/** Nothing. Owner: caller. Threads: any. Blocks: never. Errors: none. Since: 0.1 */
WALPOOL_API void walpool_rest(void);
#endif
"""


def changed(old, new):
    assert old in HEADER
    return {"include/walpool.h": HEADER.replace(old, new, 1)}


GOOD = {"include/walpool.h": HEADER}
BROKEN = {
    "compile as c11": changed("int number", "unknown_t number"),
    "compile as c++17": changed("int number", "int class"),
    ":13: walpool_add: add @param number": changed("@param number", "number"),
    "@param nummer is no parameter": changed("@param apply", "@param nummer a\n @param apply"),
    "say something after @param apply": changed("called; not kept.", ""),
    "add @return": changed(" * @return the sum.\n", ""),
    "drop @return": changed("Nothing. ", "Nothing. @return nothing. "),
    "move Threads:": changed("Owner: nothing. Threads: any", "Threads: any. Owner: nothing"),
    "say something after Blocks:": changed("Blocks: never.\n", "Blocks:\n"),
    "add Since:": changed(" Since: 0.1", ""),
    "write a /** comment": changed("/** Nothing.", "/* Nothing."),
    "declare functions": {"include/walpool.h": "\n"},
}

if __name__ == "__main__":
    main(check, GOOD, BROKEN)
