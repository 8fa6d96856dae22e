"""Counts the results of a `meson test` run, subtests one by one.

    python3 count_junit.py FOLDER    FOLDER holds one testlog.junit.xml and .json

A program that failed although none of its subtests did (it crashed, or was too
slow) counts as one failure. Closes with `N passed, N failed, N skipped`.
"""

import json
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

BAD = {"FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS"}


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def count_cases(suites):
    """The outcomes, and the programs of which a case failed."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    programs = set()
    for suite in suites:
        # A program with subtests is a suite `project.program`, one without is
        # a case of the suite `project`.
        program = suite.get("name").partition(".")[2]
        for case in suite.iter("testcase"):
            result = outcome(case)
            counts[result] += 1
            if result == "failed":
                programs.add(program or case.get("name"))
                print("failed:", f"{program} {case.get('name')}".strip())
    return counts, programs


def failed_programs(log):
    runs = [json.loads(line) for line in log.read_text().splitlines() if line]
    return {run["name"] for run in runs if run["result"] in BAD}


def main(folder):
    junit = next(folder.glob("testlog*.junit.xml"))
    counts, explained = count_cases(ElementTree.parse(junit).getroot())
    log = junit.with_name(junit.name.replace(".junit.xml", ".json"))
    for program in sorted(failed_programs(log) - explained):
        print(f"failed: {program} as a whole, a crash or a hang")
        counts["failed"] += 1
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
