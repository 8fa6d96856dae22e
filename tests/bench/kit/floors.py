"""The declared table of floors: floors.txt, one case a line."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

TABLE = Path(__file__).resolve().parents[1] / "floors.txt"
HOLDS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}
SCALES = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "MB": 1e6}
RATE = "/s"
ALONE = ("errors", "share", "thresholds")  # judged by themselves, not beside a peer
UNITS = (*SCALES, RATE, *ALONE)
TAKES = ("median", "worst")


@dataclass(frozen=True)
class Floor:
    """One line of the table.

    `take` makes one figure of the repetitions. `<=` bounds how many times the
    peer's cost ours is, `>=` how many times as good as the peer ours is. Units in
    ALONE, and those whose bound names the unit, bound ours as it is.
    """

    group: str
    case: str
    measure: str
    peers: tuple[str, ...]
    relation: str
    bound: float
    unit: str
    take: str
    is_absolute: bool = False

    @property
    def text(self) -> str:
        return f"{self.relation} {self.bound:g}{f' {self.unit}' if self.is_absolute else ''}"

    @property
    def more_is_better(self) -> bool:
        return self.unit in (RATE, "share")

    @property
    def is_alone(self) -> bool:
        return self.is_absolute or self.unit in ALONE

    def figure(self, samples: list[float]) -> float:
        if self.take == "median":
            return median(samples)
        return min(samples) if self.more_is_better else max(samples)

    def judged(self, ours: float, peer: float) -> float:
        """What is compared with the bound."""
        if self.is_alone:
            return self.shown(ours)
        costs = self.relation == "<="
        return ours / peer if costs != self.more_is_better else peer / ours

    def shown(self, figure: float) -> float:
        return figure / SCALES.get(self.unit, 1.0)

    def holds(self, judged: float) -> bool:
        return HOLDS[self.relation](judged, self.bound)


def parse(line: str) -> Floor:
    group, case, measure, peers, relation, bound, unit, take = line.split()
    number = re.fullmatch(r"(\d+(?:\.\d+)?)(\D*)", bound)
    if relation not in HOLDS or unit not in UNITS or take not in TAKES or not number or number[2] not in ("", unit):
        raise ValueError(f"floors.txt: {line}")
    return Floor(group, case, measure, tuple(peers.split("|")), relation, float(number[1]), unit, take, bool(number[2]))


def read_floors(group: str) -> list[Floor]:
    lines = TABLE.read_text().splitlines()
    floors = [parse(line) for line in lines if line.strip() and not line.startswith("#")]
    return [floor for floor in floors if floor.group == group]
