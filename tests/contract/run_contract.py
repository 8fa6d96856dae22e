"""The Python runner of the contract: run_contract.py FILE.json...

It knows steps only as functions from JSON to answers, and uses nothing but the
package. Prints a line for each scenario, and `N passed, N failed, N skipped`.
"""

from __future__ import annotations

import gc
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import walpool
from walpool import _native
from python_answers import Differs, Step, check_answer, check_error, short, value, values

ABILITIES = {
    "utf16", "bool", "whole_real", "named_options", "thread_identity", "background", "expect",
    "once_key", "durability", "leases", "move", "private", "coalesce", "collect",
}  # fmt: skip
if os.geteuid() != 0:
    ABILITIES.add("unprivileged")
DURABILITY = {"durable": "full", "normal": "normal"}
AWAIT_SECONDS = 20


# ------------------------------------------------------------------ steps


class Private(walpool.Writer):
    """A connection of one's own, for which the package has no class yet."""

    def __init__(
        self, db: walpool.Database, why: str | None = None, immediate: bool = False, **given: Any
    ) -> None:
        call = (given.get("timeout"), why, given.get("token"), None, False, immediate)
        super().__init__(db, _native.PRIVATE, call)

    def begin(self, immediate: bool = False, **given: Any) -> None:
        call = (given.get("timeout"), None, given.get("token"), None, False, immediate)
        _native.begin(self._handle, call)


class Background:
    """A step in another thread."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self.run, args=(work,))
        self.thread.start()

    def run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self.failure = error

    def join(self) -> None:
        self.thread.join()
        if self.failure:
            raise self.failure

    def close(self) -> None:
        self.thread.join()


def rows_of(rows: list[Any], columns: Any = None) -> Step:
    answer: Step = {"rows": rows, "row_count": len(rows)}
    if rows:
        answer.update(first=rows[0], last=rows[-1])
    if columns is not None:
        answer["columns"] = columns
    return answer


class Run:
    """One scenario: a folder, and the objects by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects: dict[str, Any] = {}
        self.made: list[Any] = []

    def text(self, text: str) -> str:
        return text.replace("${dir}", str(self.folder))

    def add(self, name: str, thing: Any) -> None:
        self.objects[name] = thing
        self.made.append(thing)

    def on(self, step: Step) -> Any:
        return self.objects[step.get("on", "db")]

    def options(self, step: Step, reads: bool = False) -> dict[str, Any]:
        """The keyword arguments of a call, or of a statement in a batch."""
        given: dict[str, Any] = {}
        if "timeout" in step:
            given["timeout"] = step["timeout"] / 1000
        if "token" in step:
            given["token"] = self.objects[step["token"]]
        if "expect_changes" in step:
            given["expect"] = step["expect_changes"]
        if "once_key" in step:
            given["once_key"] = value(step["once_key"])
        if "immediate" in step:
            given["immediate"] = step["immediate"]
        if "durability" in step and reads:
            given["durable"] = step["durability"] == "durable"
        elif "durability" in step:
            given["durability"] = DURABILITY[step["durability"]]
        return given

    def sql(self, step: Step) -> Any:
        """A text, or what a step has prepared."""
        sql = step["sql"]
        prepared = isinstance(sql, dict) and "prepared" in sql
        return self.objects[sql["prepared"]] if prepared else value(sql)

    def prepare(self, step: Step) -> Step:
        prepared = self.on(step).prepare(value(step["sql"]), **self.options(step))
        self.add(step["as"], prepared)
        return {"columns": prepared.columns}

    def call(self, step: Step, reads: bool = True) -> tuple[tuple[str, Any], dict[str, Any]]:
        args = self.sql(step), values(step.get("params", ()))
        return args, self.options(step, reads)

    # --- statements

    def query(self, step: Step) -> Step:
        args, options = self.call(step)
        answer = rows_of(self.on(step).query(*args, **options))
        if "columns" in step.get("expect", {}):
            with self.on(step).iterate(*args, **options) as cursor:
                answer["columns"] = cursor.columns
        return answer

    def query_one(self, step: Step) -> Step:
        args, options = self.call(step)
        return {"row": self.on(step).query_one(*args, **options)}

    def execute(self, step: Step) -> Step:
        on = self.on(step)
        reads = isinstance(on, walpool.Reader)  # has no execute
        args, options = self.call(step, reads)
        if reads:
            return rows_of(on.query(*args, **options))
        result = on.execute(*args, **options)
        return {**rows_of(result.rows, result.columns),
                "changes": result.changes, "last_rowid": result.last_rowid}

    def executemany(self, step: Step) -> Step:
        rows = (values(row) for row in step["param_rows"])
        result = self.on(step).executemany(self.sql(step), rows, **self.options(step))
        return result._asdict()

    def script(self, step: Step) -> Step:
        self.on(step).script(self.sql(step), **self.options(step))
        return {}

    def batch(self, step: Step) -> Step:
        statements = [
            walpool.Many(
                self.sql(one), [values(row) for row in one["param_rows"]], **self.options(one)
            )
            if "param_rows" in one
            else walpool.Statement(
                self.sql(one), values(one.get("params", ())), **self.options(one)
            )
            for one in step["statements"]
        ]
        results = self.on(step).batch(statements, **self.options(step))
        return {"results": [{**rows_of(result.rows), **result._asdict()} for result in results]}

    def iterate(self, step: Step) -> Step:
        args, options = self.call(step)
        self.add(step["as"], self.on(step).iterate(*args, **options))
        return {}

    def next(self, step: Step) -> Step:
        cursor = self.on(step)
        return rows_of(list(islice(cursor, step["count"])), cursor.columns)

    # --- objects

    def open(self, step: Step) -> Step:
        db = walpool.open(self.text(step["name"]), **step.get("options", {}))
        self.add(step["as"], db)
        return {}

    def close(self, step: Step) -> Step:
        self.on(step).close(**self.options(step))
        return {}

    def acquire(self, step: Step) -> Step:
        db, kind = self.on(step), step["kind"]
        make = {"read": db.read, "write": db.write, "private": partial(Private, db)}[kind]
        self.add(step["as"], make(why=step.get("why"), **self.options(step, kind == "read")))
        return {}

    def lease(self, step: Step) -> Step:
        lease, verb = self.on(step), step["do"]
        reads = isinstance(lease, walpool.Reader)
        verb = "close" if verb == "release" else verb
        if not hasattr(lease, verb):
            raise walpool.MisuseError(f"a {type(lease).__name__} has no {verb}")
        getattr(lease, verb)(**self.options(step, reads))
        return {}

    begin = fresh = savepoint = commit = rollback = release = lease

    def token(self, step: Step) -> Step:
        self.objects[step["as"]] = walpool.Token()
        return {}

    def cancel(self, step: Step) -> Step:
        self.on(step).cancel()
        return {}

    def join(self, step: Step) -> Step:
        self.on(step).join()
        return {}

    def drop(self, step: Step) -> Step:
        self.made.remove(self.objects.pop(step["on"]))
        gc.collect()
        return {}

    def elsewhere(self, step: Step) -> Step:
        script = [sys.executable, __file__, "--script", self.text(step["name"]), step["sql"]]
        subprocess.run(script, check=True)
        return {}

    # --- looking after

    def checkpoint(self, step: Step) -> Step:
        result = self.on(step).checkpoint(step["mode"], **self.options(step))
        return result._asdict()

    def maintain(self, step: Step) -> Step:
        pages = {"pages": step["pages"]} if "pages" in step else {}
        result = getattr(self.on(step), step["task"])(**pages, **self.options(step))
        return {**result._asdict(), "freed": result.pages_before - result.pages_after}

    def check(self, step: Step) -> Step:
        problems = self.on(step).check(full=step.get("full", False), **self.options(step))
        return {"rows": problems, "row_count": len(problems)}

    def backup(self, step: Step) -> Step:
        given = {name: step[name] for name in ("replace", "check", "pages") if name in step}
        path = self.text(step["path"])
        self.on(step).backup(path, pause=0, **given, **self.options(step))
        return {}

    def restore(self, step: Step) -> Step:
        self.on(step).restore(self.text(step["path"]), **self.options(step))
        return {}

    def health(self, step: Step) -> Step:
        answer: Step = json.loads(self.on(step).health().to_json())
        if "save" in step:
            self.objects[step["save"]] = answer
        for name, before in self.objects.get(step.get("since", ""), {}).items():
            if isinstance(before, int):
                answer[name] -= before
        answer["reason_words"] = answer["reason"]
        answer["reasons"] = [reason["code"] for reason in answer["reasons"]]
        return answer

    def leases(self, step: Step) -> Step:
        return {"leases": [
            {**one._asdict(), "age_us": one.age * 1e6, "stack": len(one.stack),
             "frames": -1 if one.frames is None else one.frames}
            for one in self.on(step).leases()
        ]}  # fmt: skip

    # --- files

    def make(self, step: Step) -> Step:
        path, kind = Path(self.text(step["path"])), step["type"]
        if kind == "directory":
            path.mkdir()
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "symlink":
            path.symlink_to(self.text(step["to"]))
        elif kind == "hardlink":
            path.hardlink_to(self.text(step["to"]))
        else:
            content = value(step.get("content", ""))
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if "permissions" in step:
            path.chmod(int(step["permissions"], 8))
        return {}

    def move(self, step: Step) -> Step:
        Path(self.text(step["path"])).rename(self.text(step["to"]))
        return {}

    def overwrite(self, step: Step) -> Step:
        content = value(step["content"])
        with Path(self.text(step["path"])).open("r+b") as file:
            file.seek(step["offset"])
            file.write(content if isinstance(content, bytes) else content.encode())
        return {}

    def picture(self) -> dict[str, Any]:
        found = {}
        for path in sorted(self.folder.rglob("*")):
            mode = path.lstat().st_mode
            content = path.read_bytes() if stat.S_ISREG(mode) else b""
            found[str(path)] = (mode, content)
        return found

    def remember(self, step: Step) -> Step:
        self.objects["picture"] = self.picture()
        return {}

    def unchanged(self, step: Step) -> Step:
        before, after = self.objects["picture"], self.picture()
        names = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
        if names:
            raise Differs(f"changed: {', '.join(sorted(names))}")
        return {}

    def present(self, step: Step) -> Step:
        there = Path(self.text(step["path"])).exists()
        if there != (step["do"] == "present"):
            raise Differs(f"{step['path']} is {'there' if there else 'missing'}")
        return {}

    absent = present

    # --- the whole

    def answer(self, step: Step) -> None:
        expect = step.get("expect", {})
        try:
            answer = getattr(self, step["do"])(step)
        except walpool.WalpoolError as error:
            if "error" not in expect:
                raise
            check_error(expect["error"], error, self.text)
            return
        if "error" in expect:
            raise Differs(f"no error, but {short(answer)}")
        check_answer(expect, answer)

    def wait(self, step: Step) -> None:
        end = time.monotonic() + AWAIT_SECONDS
        while True:
            try:
                return check_answer(step["expect"], self.health(step))
            except Differs:
                if time.monotonic() > end:
                    raise

    def step(self, step: Step) -> None:
        if "background" in step:
            self.add(step["background"], Background(lambda: self.answer(step)))
        elif step["do"] == "await":
            self.wait(step)
        else:
            self.answer(step)

    def end(self) -> None:
        for kind in (Background, walpool.Cursor, (walpool.Reader, walpool.Writer), walpool.Database):
            for thing in reversed(self.made):
                if isinstance(thing, kind):
                    thing.close()


def run_scenario(scenario: Step, folder: Path) -> None:
    run = Run(folder)
    number = 0
    try:
        if scenario.get("open", True):
            run.add("db", walpool.open(f"file:{folder}/test.db?" + scenario.get("dsn", "")))
        for number, step in enumerate(scenario["steps"], 1):
            run.step(step)
        run.end()
    except Exception as error:
        error.args = (f"step {number}: {error}",)
        raise


def run_script(name: str, sql: str) -> int:
    """What the other process of `elsewhere` does."""
    with walpool.open(name) as db:
        db.script(sql)
    return 0


def main(paths: list[str]) -> int:
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        file = json.loads(Path(path).read_text())
        for scenario in file["scenarios"]:
            name = f"{file['room']}: {scenario['name']}"
            result = "skipped"
            if ABILITIES.issuperset(scenario.get("needs", ())):
                result = "passed"
                try:
                    with tempfile.TemporaryDirectory() as folder:
                        run_scenario(scenario, Path(folder).resolve())
                except Exception:
                    result = "failed"
                    traceback.print_exc(file=sys.stdout)
            counts[result] += 1
            print(f"{result}: {name}", flush=True)
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    run = run_script if sys.argv[1:2] == ["--script"] else None
    sys.exit(run(*sys.argv[2:]) if run else main(sys.argv[1:]))
