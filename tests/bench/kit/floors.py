"""The declared table of floors: floors.txt, one case a line."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).resolve().parents[1] / "floors.txt"
HOLDS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}
SECONDS_IN = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class Floor:
    """One line of the table.

    `<=` bounds what ours costs: ratio = ours / peer. `>=` bounds how many
    times as fast ours is: ratio = peer / ours.
    """

    group: str
    case: str
    measure: str
    peers: tuple[str, ...]
    relation: str
    bound: float
    unit: str

    @property
    def text(self) -> str:
        return f"{self.relation} {self.bound:g}"

    def ratio(self, ours: float, peer: float) -> float:
        return ours / peer if self.relation == "<=" else peer / ours

    def holds(self, ratio: float) -> bool:
        return HOLDS[self.relation](ratio, self.bound)


def parse(line: str) -> Floor:
    group, case, measure, peers, relation, bound, unit = line.split()
    if relation not in HOLDS or unit not in SECONDS_IN:
        raise ValueError(f"floors.txt: {line}")
    return Floor(group, case, measure, tuple(peers.split("|")), relation, float(bound), unit)


def read_floors(group: str) -> list[Floor]:
    lines = TABLE.read_text().splitlines()
    floors = [parse(line) for line in lines if line.strip() and not line.startswith("#")]
    return [floor for floor in floors if floor.group == group]
