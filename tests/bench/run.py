"""The runner of all benchmarks: what to measure is in groups, what must hold
is in floors.txt, how it is shown is in kit/."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

import border
import cache
import reading
import wal
import writing
from kit import chart, report
from kit.floors import Floor, read_floors
from kit.measure import Group, measure
from kit.workshop import Failed, Workshop

GROUPS: dict[str, Group] = {
    "border": border.GROUP, "cache": cache.GROUP, "reading": reading.GROUP, "wal": wal.GROUP,
    "writing": writing.GROUP,
}
SMOKE_SECONDS = 0.1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.sh",
        description="Measure walpool and its peers side by side. The exit status is 0 when "
        "every case ran, whether or not its floor holds.",
    )
    parser.add_argument("group", choices=sorted(GROUPS), help="which cases")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--charts", metavar="DIR", type=Path, help="write an SVG chart into DIR")
    parser.add_argument("--case", metavar="NAME", action="append", help="only this case; repeatable")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", metavar="S", type=float, help="length of a repetition, in the groups that have one")
    length.add_argument("--smoke", action="store_const", dest="seconds", const=SMOKE_SECONDS,
                        help=f"see that everything runs: repetitions of {SMOKE_SECONDS} s, whose figures mean nothing")
    parser.add_argument("--list", action="store_true", help="print the cases and their floors, run none")
    return parser.parse_args()


def chosen(floors: list[Floor], names: list[str] | None) -> list[Floor]:
    unknown = sorted(set(names or ()) - {floor.case for floor in floors})
    if unknown:
        raise Failed(f"unknown case {', '.join(unknown)}; --list prints the cases")
    return [floor for floor in floors if not names or floor.case in names]


def group_of(options: argparse.Namespace) -> Group:
    group = GROUPS[options.group]
    if options.seconds is None:
        return group
    if group.seconds is None or options.seconds <= 0:
        raise Failed(f"--seconds {options.seconds:g}: group {options.group} has repetitions of another kind")
    return dataclasses.replace(group, seconds=options.seconds)


def main() -> int:
    options = arguments()
    try:
        floors = chosen(read_floors(options.group), options.case)
        if options.list:
            report.print_floors(floors)
            return 0
        group, shop = group_of(options), Workshop()
        surroundings = shop.surroundings()
        shop.say(surroundings)
        if options.charts:
            options.charts.mkdir(parents=True, exist_ok=True)
        results, failures = measure(shop, group, floors)
    except (Failed, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if options.json:
        report.print_json(results)
    else:
        report.print_table(results, surroundings)
    if options.charts:
        chart.write(options.charts / f"{options.group}.svg", options.group, results)
    for failure in failures:
        print(f"bench: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
