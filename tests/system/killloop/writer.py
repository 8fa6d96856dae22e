"""The kill loop's process in Python. crew.py tells what it is asked and what it
answers."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from itertools import cycle

import walpool

ADD = "INSERT INTO entry (writer, number, part, parts, way) VALUES (?, ?, ?, ?, ?)"
COUNT = "UPDATE writer SET total = total + ? WHERE id = ?"
LAST = "SELECT coalesce(max(number), 0) FROM entry WHERE writer = ?"


def tell(word: object) -> None:
    os.write(1, f"{word}\n".encode())


def until_stopped() -> None:
    sys.stdin.buffer.read()


def stopped() -> bool:
    """Nothing comes after the order but the end."""
    return bool(select.select([sys.stdin], [], [], 0)[0])


class Undo(Exception):
    pass


class Writer:
    def __init__(self, db: walpool.Database, me: int) -> None:
        self.db = db
        self.me = me
        self.number = 0  # of the last transaction
        self.missed = 0  # batches that were not as expected, and undone
        self.ways: dict[str, Callable[[int], object]] = {
            "s": self.single, "m": self.many, "b": self.batch, "l": self.lease, "h": self.hold,
            "d": self.durable, "w": self.expected, "k": self.once,
            "e": self.early, "o": self.outside, "u": self.twice,
        }  # fmt: skip
        self.others = {"c": self.checkpoint, "t": self.truncate, "r": self.read, "x": self.error}

    def step(self, letter: str) -> None:
        if letter in self.others:
            self.others[letter]()
            return
        self.ways[letter](self.number + 1)
        self.number += 1
        if letter != "e":
            tell(self.number)

    # ---------------------------------------------------------- ways to write

    def single(self, number: int) -> None:
        self.db.execute(ADD, (self.me, number, 0, 1, "single"))

    def many(self, number: int) -> None:
        self.db.executemany(ADD, [(self.me, number, part, 3, "many") for part in range(3)])

    def batch(
        self, number: int, key: str | None = None, expect: tuple[int | None, ...] = (None, None, None)
    ) -> list[walpool.Result]:
        return self.db.batch([
            walpool.Statement(ADD, (self.me, number, 0, 2, "batch"), expect[0]),
            walpool.Statement(COUNT, (2 * number, self.me), expect[1]),
            walpool.Statement(ADD, (self.me, number, 1, 2, "batch"), expect[2]),
        ], once_key=key)  # fmt: skip

    def durable(self, number: int) -> None:
        durability: walpool.Durability = "full" if number % 2 else "normal"
        self.db.execute(ADD, (self.me, number, 0, 1, "single"), durability=durability)

    def expected(self, number: int) -> None:
        try:
            self.batch(number, expect=(1, 1, 2))
        except walpool.MismatchError:
            self.missed += 1
        self.batch(number, expect=(1, 1, 1))

    def once(self, number: int) -> None:
        key = f"{self.me}/{number}"
        first = self.batch(number, key)
        if (second := self.batch(number, key)) != first:
            raise RuntimeError(f"the answer was {first} and is {second}")

    def twice(self, number: int) -> None:
        self.batch(number)
        self.batch(number)

    def fill(self, writer: walpool.Writer, number: int) -> None:
        writer.execute(ADD, (self.me, number, 0, 2, "lease"))
        with writer.savepoint():
            writer.execute(ADD, (self.me, number, 1, 2, "lease"))
        try:
            with writer.savepoint():
                writer.execute(ADD, (self.me, number, 2, 2, "lease"))
                raise Undo
        except Undo:
            writer.execute(COUNT, (2 * number, self.me))

    def lease(self, number: int) -> None:
        with self.db.write(why="lease") as writer:
            self.fill(writer, number)

    def hold(self, number: int) -> None:
        with self.db.write(why="hold") as writer:
            self.fill(writer, number)
            tell("turn")
            until_stopped()

    def early(self, number: int) -> None:
        tell(number)
        self.batch(number)

    def outside(self, number: int) -> None:
        self.db.execute(ADD, (self.me, number, 0, 1, "outside"))
        self.db.execute(COUNT, (number, self.me))

    # ------------------------------------------------------------ other calls

    def checkpoint(self) -> None:
        tell("checkpoint")
        self.db.checkpoint("passive")

    def truncate(self) -> None:
        tell("checkpoint")
        self.db.checkpoint("truncate")

    def read(self) -> None:
        found = self.db.query(LAST, (self.me,))[0][0]
        if found != self.number:
            raise RuntimeError(f"number {self.number} is written, {found} is read")

    def error(self) -> None:
        self.db.execute("no statement")


def make_again(db: walpool.Database, order: str) -> None:
    dead, number = map(int, order.split("/"))
    Writer(db, dead).once(number)
    tell("again")


def run(name: str, me: str, plan: str, *again: str) -> None:
    tell("open")
    db = walpool.open(name)
    for order in again:
        make_again(db, order)
    db.execute("INSERT INTO writer (id) VALUES (?)", (int(me),))
    writer = Writer(db, int(me))
    for letter in cycle(plan):
        if stopped():
            break
        writer.step(letter)
    if (errors := db.health().errors) != writer.missed:
        raise RuntimeError(f"health counts {errors} errors, and {writer.missed} were made")
    tell("close")
    db.close()
    tell("end")


def main() -> int:
    order = sys.stdin.buffer.readline().decode().split()
    try:
        if order:
            run(*order)
    except Exception as error:
        tell(f"error {type(error).__name__}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
