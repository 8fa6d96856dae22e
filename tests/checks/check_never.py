"""What never belongs in a committed file: a path of one machine, the host of a
package registry, a note to oneself."""

import re

from _check import files, main, where

NEVER = {
    r"(?<![\w.$}-])/(?:home/\w|Users/\w|root\b|work/)": "a path of one machine; "
    "use one that is relative to the checkout",
    r"\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|crates\.io"
    r"|(?:proxy|sum)\.golang\.org|(?:deb|security)\.debian\.org)\b": "the host "
    "of a registry; name the package only",
    r"\b(?:TO[D]O|FIX[M]E|XX[X])\b": "a note to oneself; do it, or say it in an issue",
}


def check(root):
    problems = []
    for path in files(root, "*"):
        text = path.read_text(errors="replace")
        if "\0" in text or path.is_symlink():
            continue
        for pattern, reason in NEVER.items():
            for found in re.finditer(pattern, text):
                line = text.count("\n", 0, found.start()) + 1
                problems.append(
                    f"{where(root, path, line)}: remove '{found.group()}', {reason}"
                )
    return problems


GOOD = {
    "README.md": "walpool.org, build/root/x, ${TMP}/work/x, /roots, mkstemp XXXXXX\n",
    "picture.png": "\0 /ro" "ot\n",
}
BROKEN = {
    "a.c:2: remove '/ho": {"a.c": "\nopen(\"/ho" "me/me/app.db\")\n"},
    "b.py:1: remove '/ro": {"b.py": "'/ro" "ot'\n"},
    "c.md:1: remove '/wo": {"c.md": "in /wo" "rk/x\n"},
    "d.json:1: remove 'npm": {"d.json": "https://registry.npm" "js.org/x\n"},
    "e.c:1: remove 'TO": {"e.c": "/* TO" "DO: more */\n"},
}

if __name__ == "__main__":
    main(check, GOOD, BROKEN)
