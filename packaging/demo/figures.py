"""What is known of one process: added up from its reports."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Any


def quantile(ordered: Sequence[int], share: float) -> int | None:
    if not ordered:
        return None
    return ordered[math.ceil(share * len(ordered)) - 1]


def spread(values: array[int]) -> dict[str, int | None]:
    ordered = sorted(values)
    return {
        "p50": quantile(ordered, 0.5),
        "p99": quantile(ordered, 0.99),
        "max": quantile(ordered, 1.0),
    }


class Figures:
    def __init__(self) -> None:
        self.calls = array("q")  # microseconds
        self.waits = array("q")
        self.jobs = 0
        self.lock_errors = 0
        self.active_us = 0
        self.health: dict[str, Any] = {}

    def add(self, report: Mapping[str, Any]) -> None:
        self.calls.extend(report["calls"])
        self.waits.extend(report["waits"])
        self.jobs = report.get("jobs", 0)
        self.lock_errors = report["lock_errors"]
        self.active_us = report["active_us"]
        self.health = report["health"]

    def summary(self) -> dict[str, Any]:
        seconds = self.active_us / 1e6
        return {
            "operations": len(self.calls),
            "operations_per_second": round(len(self.calls) / seconds, 1) if seconds else None,
            "writer_wait_us": spread(self.waits),
            "call_us": spread(self.calls),
            "wal_bytes_highest": self.health.get("wal_bytes_highest", 0),
            "lock_errors": max(self.lock_errors, self.health.get("timeouts", 0)),
            "health": self.health,
        }
