"""Counts the results of a pytest run: count.py JUNIT.xml EXIT_STATUS.

Closes with `N passed, N failed, N skipped`. A run that broke off counts as one
failure more.
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def main(path: Path, status: int) -> None:
    passed = failed = skipped = 0
    if path.exists():
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.find("skipped") is not None:
                skipped += 1
            else:
                passed += 1
    if status not in (0, 1) or (status and not failed):
        print(f"pytest ended with status {status}")
        failed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
