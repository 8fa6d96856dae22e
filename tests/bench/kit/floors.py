"""The declared table of floors: floors.txt, one case a line."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

TABLE = Path(__file__).resolve().parents[1] / "floors.txt"
HOLDS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}
SECONDS_IN = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
RATE = "/s"
ALONE = ("errors", "share")  # judged by themselves, not beside a peer
UNITS = (*SECONDS_IN, RATE, *ALONE)
TAKES = ("median", "worst")


@dataclass(frozen=True)
class Floor:
    """One line of the table.

    `take` makes one figure of the repetitions. `<=` bounds how many times the
    peer's cost ours is, `>=` how many times as good as the peer ours is; errors
    and shares are bounded as they are.
    """

    group: str
    case: str
    measure: str
    peers: tuple[str, ...]
    relation: str
    bound: float
    unit: str
    take: str

    @property
    def text(self) -> str:
        return f"{self.relation} {self.bound:g}"

    @property
    def more_is_better(self) -> bool:
        return self.unit in (RATE, "share")

    @property
    def is_alone(self) -> bool:
        return self.unit in ALONE

    def figure(self, samples: list[float]) -> float:
        if self.take == "median":
            return median(samples)
        return min(samples) if self.more_is_better else max(samples)

    def judged(self, ours: float, peer: float) -> float:
        """What is compared with the bound."""
        if self.is_alone:
            return ours
        costs = self.relation == "<="
        return ours / peer if costs != self.more_is_better else peer / ours

    def shown(self, figure: float) -> float:
        return figure / SECONDS_IN.get(self.unit, 1.0)

    def holds(self, judged: float) -> bool:
        return HOLDS[self.relation](judged, self.bound)


def parse(line: str) -> Floor:
    group, case, measure, peers, relation, bound, unit, take = line.split()
    if relation not in HOLDS or unit not in UNITS or take not in TAKES:
        raise ValueError(f"floors.txt: {line}")
    return Floor(group, case, measure, tuple(peers.split("|")), relation, float(bound), unit, take)


def read_floors(group: str) -> list[Floor]:
    lines = TABLE.read_text().splitlines()
    floors = [parse(line) for line in lines if line.strip() and not line.startswith("#")]
    return [floor for floor in floors if floor.group == group]
