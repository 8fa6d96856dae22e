"""Documentation and types: examples run, every public name is described."""

from __future__ import annotations

import doctest
import importlib
import inspect
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import walpool

PACKAGE = Path(walpool.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py"))


def examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    for stem in MODULES:
        name = "walpool" if stem == "__init__" else f"walpool.{stem}"
        module = importlib.import_module(name)
        for test in finder.find(module, name):
            if test.examples:
                yield pytest.param(test, id=test.name)


@pytest.mark.parametrize("test", list(examples()))
def test_docs__examples_run(test, users, tmp_path):
    test.globs.update(walpool=walpool, db=users, path=tmp_path / "example.db", threading=threading)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test)
    assert runner.tries > 0
    assert runner.failures == 0


def public():
    for name in walpool.__all__:
        thing = getattr(walpool, name)
        yield name, thing
        if inspect.isclass(thing):
            for member in vars(thing):
                if not member.startswith("_"):
                    yield f"{name}.{member}", getattr(thing, member)


def test_docs__describe_every_public_function_and_class():
    silent = [
        name
        for name, thing in public()
        if (inspect.isroutine(thing) or inspect.isclass(thing) or isinstance(thing, property))
        and not (inspect.getdoc(thing) or "").strip()
    ]
    assert silent == []


def test_docs__name_everything_that_is_public():
    assert sorted(walpool.__all__) == walpool.__all__
    named = {name for name in vars(walpool) if not name.startswith("_")}
    assert named == set(walpool.__all__)


def test_border__is_crossed_in_one_module_only():
    importers = [stem for stem in MODULES if "_raw" in (PACKAGE / f"{stem}.py").read_text()]
    assert importers == ["_native"]


def mypy(*arguments, cwd):
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cwd / "mypy"), *arguments]
    environment = {**os.environ, "LD_PRELOAD": ""}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


def test_typing__of_the_package_is_strict(tmp_path):
    done = mypy("-p", "walpool", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (PACKAGE / "py.typed").exists()


USER = '''
from dataclasses import dataclass
import walpool

@dataclass
class User:
    id: int
    name: str

with walpool.open("app.db", readers=2, busy_timeout=1.5) as db:
    reveal_type(db.query("SELECT 1"))
    reveal_type(db.query("SELECT 1", row=User))
    reveal_type(db.query_one("SELECT 1", {"a": b""}, timeout=1, why="x"))
    reveal_type(db.execute("SELECT 1", [1, None, "x"]).changes)
    with db.write(durability="full") as w, w.savepoint() as same:
        reveal_type(same)
        w.execute("DELETE FROM t", expect=1)
        w.commit(durability="normal")
    db.execute("DELETE FROM t", expect=1, once_key=b"x", durability="full")
    db.executemany("DELETE FROM t WHERE a = ?", [(1,)], expect=1, once_key="x", durability="full")
    db.script("DELETE FROM t", once_key="x", durability="normal")
    reveal_type(db.batch(
        ["DELETE FROM t", ("DELETE FROM t WHERE a = ?", (1,)), walpool.Statement("DELETE FROM t", expect=2),
         walpool.Many("DELETE FROM t WHERE a = ?", [(1,)], expect=1)],
        once_key="x", durability="normal",
    )[0].changes)
    reveal_type(db.leases()[0].age)
    with db.read(durable=True) as r:
        r.fresh(durable=True)
    reveal_type(db.query_one("SELECT 1", durable=True))
    with db.iterate("SELECT 1", row=User) as users:
        for user in users:
            reveal_type(user)
    reveal_type(db.health().wal_bytes)
'''

WRONG = '''
import walpool
db = walpool.open("app.db", reader=2)
db.query(5)
db.query("SELECT 1", timeout="1")
db.query("SELECT ?", (object(),))
db.checkpoint("half")
db.execute("DELETE FROM t", expect="1")
db.execute("DELETE FROM t", once_key=5)
db.execute("DELETE FROM t", durability="durable")
db.query("SELECT 1", durability="full")
db.read().execute("DELETE FROM t")
db.batch([walpool.Statement(5)])
'''


def test_typing__is_seen_by_users(tmp_path):
    (tmp_path / "user.py").write_text(USER)
    done = mypy("user.py", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    revealed = [line.split('"')[1].replace("builtins.", "") for line in done.stdout.splitlines() if "Revealed" in line]
    assert revealed == [
        "list[tuple[Any, ...]]",
        "list[user.User]",
        "tuple[Any, ...] | None",
        "int",
        "walpool._writer.Writer",
        "int",
        "float",
        "tuple[Any, ...] | None",
        "user.User",
        "int",
    ]


def test_typing__finds_what_users_do_wrong(tmp_path):
    (tmp_path / "wrong.py").write_text(WRONG)
    done = mypy("wrong.py", cwd=tmp_path)
    lines = {line.split(":")[1] for line in done.stdout.splitlines() if ": error:" in line}
    assert {str(line) for line in range(3, 14)} <= lines, done.stdout
