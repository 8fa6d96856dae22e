"""The runner of all benchmarks: what to measure is in groups, what must hold
is in floors.txt, how it is shown is in kit/."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import border
from kit import chart, report
from kit.floors import Floor, read_floors
from kit.measure import Group, measure
from kit.workshop import Failed, Workshop

GROUPS: dict[str, Group] = {"border": border.GROUP}


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
    parser.add_argument("--list", action="store_true", help="print the cases and their floors, run none")
    return parser.parse_args()


def chosen(floors: list[Floor], names: list[str] | None) -> list[Floor]:
    unknown = sorted(set(names or ()) - {floor.case for floor in floors})
    if unknown:
        raise Failed(f"unknown case {', '.join(unknown)}; --list prints the cases")
    return [floor for floor in floors if not names or floor.case in names]


def main() -> int:
    options = arguments()
    try:
        floors = chosen(read_floors(options.group), options.case)
        if options.list:
            report.print_floors(floors)
            return 0
        shop = Workshop()
        if options.charts:
            options.charts.mkdir(parents=True, exist_ok=True)
        results, failures = measure(shop, GROUPS[options.group], floors)
    except (Failed, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    (report.print_json if options.json else report.print_table)(results)
    if options.charts:
        chart.write(options.charts / f"{options.group}.svg", options.group, results)
    for failure in failures:
        print(f"bench: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
