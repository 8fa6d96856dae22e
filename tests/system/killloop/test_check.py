"""The checks can fail: each is shown a database in which it must."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import check

ADD = "INSERT INTO entry (writer, number, part, parts, way) VALUES (?, ?, ?, ?, ?)"
COUNT = "UPDATE writer SET total = total + ? WHERE id = ?"

Numbers = dict[int, int]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Writer 1 has made three transactions, writer 2 one."""
    check.create(tmp_path / "a.db")
    with change(tmp_path / "a.db") as db:
        db.execute("INSERT INTO writer (id) VALUES (1), (2)")
        db.execute(ADD, (1, 1, 0, 1, "single"))
        db.executemany(ADD, [(1, 2, 0, 2, "many"), (1, 2, 1, 2, "many")])
        for writer, number in ((1, 3), (2, 1)):
            db.execute(ADD, (writer, number, 0, 1, "batch"))
            db.execute(COUNT, (number, writer))
    return tmp_path / "a.db"


def change(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path)


def problem(path: Path, *statements: str) -> str:
    """The one problem that these statements make."""
    with change(path) as db:
        for statement in statements:
            db.execute(statement)
    problems = check.read(path).problems
    assert len(problems) == 1, problems
    return problems[0]


def test_check__finds_nothing_in_what_is_whole(path: Path) -> None:
    assert check.read(path) == ({1: 3, 2: 1}, [])


def test_check__sees_only_what_is_committed(path: Path) -> None:
    with change(path) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(ADD, (2, 2, 0, 1, "single"))
        assert check.read(path) == ({1: 3, 2: 1}, [])


def test_check__sees_a_gap(path: Path) -> None:
    said = problem(path, "DELETE FROM entry WHERE number = 2",
                   "UPDATE writer SET total = 4 WHERE id = 1")  # fmt: skip
    assert said == "writer 1 has a gap: 2 numbers from 1 to 3"


def test_check__sees_that_the_first_number_is_gone(path: Path) -> None:
    said = problem(path, "DELETE FROM entry WHERE writer = 1 AND number = 1",
                   "UPDATE writer SET total = 7 WHERE id = 1")  # fmt: skip
    assert said == "writer 1 has a gap: 2 numbers from 2 to 3"


@pytest.mark.parametrize("part", [0, 1])
def test_check__sees_a_transaction_in_half(path: Path, part: int) -> None:
    said = problem(path, f"DELETE FROM entry WHERE number = 2 AND part = {part}",
                   "UPDATE writer SET total = total - 2 WHERE id = 1")  # fmt: skip
    assert said == "writer 1 has 1 of 2 parts of number 2"


def test_check__sees_what_was_rolled_back(path: Path) -> None:
    said = problem(path, "INSERT INTO entry VALUES (1, 2, 2, 2, 'many')")
    assert said == "writer 1 has 3 of 2 parts of number 2"


def test_check__sees_a_wrong_total(path: Path) -> None:
    with change(path) as db:
        db.execute("UPDATE writer SET total = total - 1 WHERE id = 2")
    assert check.read(path).problems == [
        "writer 2 has the total 0, its entries sum up to 1",
        "the tally is 8, all entries sum up to 9",
    ]


def test_check__sees_a_lost_update_of_the_tally(path: Path) -> None:
    assert problem(path, "UPDATE tally SET total = 8") == "the tally is 8, all entries sum up to 9"


def test_check__sees_an_entry_of_no_writer(path: Path) -> None:
    assert problem(path, "DELETE FROM writer WHERE id = 2", "UPDATE tally SET total = 9") == (
        "a row of entry refers to no writer"
    )


def test_check__sees_an_index_that_lacks_a_row(path: Path) -> None:
    with change(path) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_schema SET sql = sql || ' WHERE number > 1' "
                   "WHERE name = 'entry_by_way'")  # fmt: skip
    with change(path) as db:
        db.execute("REINDEX entry_by_way")
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_schema SET sql = replace(sql, ' WHERE number > 1', '') "
                   "WHERE name = 'entry_by_way'")  # fmt: skip
    assert any("missing from index" in each for each in check.read(path).problems)


def test_check__sees_a_file_that_is_damaged(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    assert check.read(path).problems


@pytest.mark.parametrize(
    ("found", "before", "after"),
    [
        ({}, {1: 0}, {1: 0}),
        ({1: 1}, {1: 0}, {1: 0}),  # it was killed before it could tell
        ({1: 5}, {1: 5}, {1: 5}),
        ({1: 6}, {1: 5}, {1: 5}),
        ({1: 9}, {1: 5}, {1: 12}),  # it goes on while it is looked at
    ],
)
def test_check__accepts(found: Numbers, before: Numbers, after: Numbers) -> None:
    assert check.broken_promises(found, before, after) == []


@pytest.mark.parametrize(
    ("found", "before", "after", "said"),
    [
        ({}, {1: 1}, {1: 1}, "writer 1 acknowledged 1, but 0 is found"),
        ({1: 4}, {1: 5}, {1: 9}, "writer 1 acknowledged 5, but 4 is found"),
        ({1: 7}, {1: 5}, {1: 5}, "writer 1 acknowledged 5, but 7 is found"),
        ({1: 5, 2: 1}, {1: 5}, {1: 5}, "writer 2 was never started"),
    ],
)
def test_check__refuses(found: Numbers, before: Numbers, after: Numbers, said: str) -> None:
    assert check.broken_promises(found, before, after) == [said]
