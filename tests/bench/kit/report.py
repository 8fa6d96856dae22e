"""Results as a table for people, or as JSON, one object a line."""

from __future__ import annotations

import json

from .floors import Floor
from .measure import Result

HEADINGS = ("case", "ours", "peer", "unit", "ratio", "floor", "holds", "peer name", "SQLite ours/peer")
NUMBERS = {1, 2, 4, 5}


def figure(value: float) -> str:
    """Three digits that count, never an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def cells(result: Result) -> tuple[str, ...]:
    return (
        result.floor.case, figure(result.ours), figure(result.peer), result.floor.unit,
        f"{result.ratio:.2f}", result.floor.text, "yes" if result.holds else "NO",
        result.peer_name, f"{result.sqlite_ours} / {result.sqlite_peer}",
    )


def lines(rows: list[tuple[str, ...]], numbers: set[int]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if i in numbers else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    ]


def sides(results: list[Result]) -> list[list[tuple[str, ...]]]:
    """Tables of all that was measured beside ours, where there were several: one
    for each set of sides, with a row for each measure."""
    tables: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}
    for each in results:
        if len(each.sides) > 2:
            rows = tables.setdefault(("measure", "unit", *each.sides), {})
            rows[each.floor.measure] = (each.floor.measure, each.floor.unit, *map(figure, each.sides.values()))
    return [[names, *rows.values()] for names, rows in tables.items()]


def print_table(results: list[Result], surroundings: str) -> None:
    for line in lines([HEADINGS, *map(cells, results)], NUMBERS):
        print(line)
    for table in sides(results):
        print("", *lines(table, set(range(2, len(table[0])))), sep="\n")
    held = sum(each.holds for each in results)
    print(f"\n{held} of {len(results)} floors hold. A ratio with <= is so many times the peer's cost, with >= so "
          "many times as good;\na floor with a unit, errors and shares stand for themselves. Medians of the repetitions, or their worst.")
    print(f"Began on {surroundings}.")


def print_json(results: list[Result]) -> None:
    for each in results:
        print(json.dumps({
            "case": each.floor.case, "ours": each.ours, "peer": each.peer,
            "peer_name": each.peer_name, "unit": each.floor.unit, "ratio": each.ratio,
            "floor": each.floor.text, "holds": each.holds,
            "sqlite_ours": each.sqlite_ours, "sqlite_peer": each.sqlite_peer,
        }))


def described(floor: Floor) -> list[str]:
    if floor.is_absolute:
        return []
    return [floor.unit] if floor.is_alone else ["against", " or ".join(floor.peers)]


def print_floors(floors: list[Floor]) -> None:
    for floor in floors:
        print(floor.case, floor.text, *described(floor))
