"""What the checks share: finding files, reporting, and proving themselves.

A check is a script with a function `check(root)` that returns sentences, each
naming `file:line` and what to do. It ends in `main(check, GOOD, BROKEN)`:

    python3 check_x.py              checks this checkout
    python3 check_x.py --selftest   proves on small trees that it can fail

GOOD is a tree, {path: text}, in which the check finds nothing. BROKEN maps a
piece of the sentence that is expected to the files that break GOOD; a text of
None is a file that is not there.
"""

import os
import subprocess
import sys
import tempfile
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(root, *patterns):
    """The files that are, or would be, committed and whose path from the root
    matches one pattern, in which a star stands for folders too."""
    if (root / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-coz", "--exclude-standard"],
            cwd=root, check=True, capture_output=True, text=True,
        ).stdout.split("\0")
        paths = sorted(root / name for name in set(listed) if name)
    else:
        paths = [path for path in sorted(root.rglob("*")) if not made(root, path)]
    return [
        path for path in paths
        if path.is_file()
        and any(fnmatch(path.relative_to(root), pattern) for pattern in patterns)
    ]


def made(root, path):
    """Made by a build; where git tells no more than that."""
    parts = path.relative_to(root).parts
    return parts[0] in ("build", "dist") or any(
        part.startswith(".") or part == "node_modules" for part in parts[:-1]
    )


def where(root, path, line=1):
    return f"{path.relative_to(root)}:{line}"


def plant(root, tree):
    for name, text in tree.items():
        if text is None:
            continue
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def problems_in(check, tree, prepare):
    with tempfile.TemporaryDirectory(prefix="walpool-check-") as folder:
        root = Path(folder).resolve()
        plant(root, tree)
        prepare(root)
        return check(root)


def selftest(check, good, broken, prepare):
    """What the check got wrong about trees of which the answer is known."""
    wrong = [
        f"found in a good tree: {problem}"
        for problem in problems_in(check, good, prepare)
    ]
    for expected, changes in broken.items():
        found = problems_in(check, {**good, **changes}, prepare)
        if not any(expected in problem for problem in found):
            wrong.append(f"does not say '{expected}' but: {found}")
    return wrong


def main(check, good, broken, prepare=lambda root: None):
    if "--selftest" in sys.argv[1:]:
        problems = selftest(check, good, broken, prepare)
        done = f"finds {len(broken)} kinds of violation"
    else:
        problems = check(ROOT)
        done = "fine"
    print("\n".join(problems) or done)
    sys.exit(1 if problems else 0)


def run(command, **options):
    """Runs a command; its status and all that it printed."""
    options.setdefault("stdout", subprocess.PIPE)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
            text=True, errors="replace", **options,
        )
    except subprocess.TimeoutExpired as late:
        return 124, f"no end after {late.timeout:.0f} s"
    except FileNotFoundError as missing:
        return 127, f"{missing.filename} is not installed"
    return done.returncode, done.stdout


def compiler(language="c"):
    name, default = ("CC", "cc") if language == "c" else ("CXX", "c++")
    return os.environ.get(name, default).split()
