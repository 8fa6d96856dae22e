"""Runs the measuring programs of a group and makes results of their samples.

A measuring program is given the names of measures and prints one JSON object
for each: {"measure": NAME, "samples": {SIDE: [number, ...], ...}, "sqlite":
{SIDE: VERSION, ...}}, where one side is "ours" and the numbers are seconds, or
whatever else the unit in floors.txt is. Sample i of every side was taken in
turn i, in alternating order.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .floors import Floor
from .workshop import Failed, Workshop

LEAST_SAMPLES = 5


@dataclass(frozen=True)
class Command:
    """How to start a measuring program; the measures follow `words`."""

    words: list[str | Path]
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """`prepare` installs and builds; it runs only when a measure is wanted.
    `timed`: it is told how long a repetition is, where the group has a length."""

    title: str
    measures: tuple[str, ...]
    prepare: Callable[[Workshop], Command]
    timed: bool = True


@dataclass(frozen=True)
class Group:
    """`seconds` is the length of a repetition; None where the programs know
    better."""

    programs: tuple[Program, ...]
    seconds: float | None = None


@dataclass(frozen=True)
class Samples:
    values: dict[str, list[float]]
    sqlite: dict[str, str]


@dataclass(frozen=True)
class Result:
    floor: Floor
    ours: float
    peer: float
    peer_name: str
    ratio: float
    sqlite_ours: str
    sqlite_peer: str
    sides: dict[str, float]

    @property
    def holds(self) -> bool:
        return self.floor.holds(self.ratio)


def result(floor: Floor, samples: Samples) -> Result:
    """Compare with the peer, or with the best of several."""
    missing = {"ours", *floor.peers} - samples.values.keys()
    if missing:
        raise Failed(f"case {floor.case}: no samples of {', '.join(sorted(missing))}")
    fewest = min(len(samples.values[side]) for side in ("ours", *floor.peers))
    if fewest < LEAST_SAMPLES:
        raise Failed(f"case {floor.case}: {fewest} samples, {LEAST_SAMPLES} are needed")
    figures = {side: floor.figure(values) for side, values in samples.values.items()}
    best = (max if floor.more_is_better else min)(floor.peers, key=figures.__getitem__)
    ours, peer = figures["ours"], figures[best]
    if not floor.is_alone and not (ours and peer):
        raise Failed(f"case {floor.case}: ours did {ours:g}, {best} {peer:g}; nothing to compare")
    return Result(
        floor, floor.shown(ours), floor.shown(peer), best, floor.judged(ours, peer),
        samples.sqlite.get("ours") or "-", samples.sqlite.get(best) or "-",
        {side: floor.shown(figure) for side, figure in figures.items()},
    )


def run_program(
    shop: Workshop, program: Program, wanted: list[str], seconds: float | None,
    samples: dict[str, Samples],
) -> None:
    """Add to samples what the program prints, also where it fails later on."""
    command = program.prepare(shop)
    length = [] if seconds is None or not program.timed else ["--seconds", str(seconds)]
    shop.say(f"{program.title}: {', '.join(wanted)}")
    began = time.monotonic()
    done = subprocess.run(
        [*command.words, *length, *wanted], env={**os.environ, **command.env},
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )
    with shop.log.open("a") as log:
        print(f"# {program.title}", done.stdout, done.stderr, sep="\n", file=log)
    for line in done.stdout.splitlines():
        each = json.loads(line)
        samples[each["measure"]] = Samples(each["samples"], each["sqlite"])
    if done.returncode:
        raise Failed(f"exit status {done.returncode}\n{done.stderr[-3000:].strip()}")
    shop.say(f"{program.title}: {time.monotonic() - began:.0f} s")


def measure(
    shop: Workshop, group: Group, floors: list[Floor]
) -> tuple[list[Result], list[str]]:
    """Run what the floors need; a program that fails fails its cases only."""
    needed = {floor.measure for floor in floors}
    samples: dict[str, Samples] = {}
    failures: list[str] = []
    for program in group.programs:
        wanted = [name for name in program.measures if name in needed]
        if not wanted:
            continue
        try:
            run_program(shop, program, wanted, group.seconds, samples)
        except (Failed, OSError, ValueError, KeyError) as error:
            failures.append(f"{program.title}: {error}")
    results = []
    for floor in floors:
        if floor.measure not in samples:
            failures.append(f"case {floor.case} did not run")
            continue
        try:
            results.append(result(floor, samples[floor.measure]))
        except Failed as error:
            failures.append(str(error))
    return results, failures
