"""The benchmark's own arithmetic: floors, medians, the best peer, the chart."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import border
from kit import chart, report
from kit.floors import Floor, parse, read_floors
from kit.measure import Result, Samples, result
from kit.workshop import Failed


def floor(relation: str, bound: float, peers: str = "slow|fast") -> Floor:
    return parse(f"border case measure {peers} {relation} {bound} ms")


def samples(ours: float, **peers: float) -> Samples:
    seconds = {"ours": ours, **peers}
    spread = {side: [value, value * 9, value / 9, value, value] for side, value in seconds.items()}
    return Samples(spread, {side: f"3.{i}" for i, side in enumerate(seconds)})


def test_floors__every_case_is_measured_by_one_program() -> None:
    measured = [name for program in border.GROUP.programs for name in program.measures]
    floors = read_floors("border")
    assert len(set(measured)) == len(measured)
    assert {each.measure for each in floors} == set(measured)
    assert len({each.case for each in floors}) == len(floors)


def test_floors__refuse_a_relation_they_do_not_know() -> None:
    with pytest.raises(ValueError, match="floors.txt"):
        floor("==", 1)


def test_measure__takes_medians_and_the_best_peer() -> None:
    got = result(floor(">=", 2), samples(0.001, slow=0.009, fast=0.003))
    assert (got.peer_name, got.sqlite_ours, got.sqlite_peer) == ("fast", "3.0", "3.2")
    assert (got.ours, got.peer, got.ratio) == pytest.approx((1, 3, 3))
    assert got.holds


def test_measure__gives_a_bound_on_cost_the_other_way_round() -> None:
    got = result(floor("<=", 1.15, "raw"), samples(0.0012, raw=0.001))
    assert got.ratio == pytest.approx(1.2)
    assert not got.holds


def test_measure__refuses_too_few_samples_and_a_missing_side() -> None:
    few = Samples({"ours": [1.0] * 4, "raw": [1.0] * 9}, {})
    with pytest.raises(Failed, match="4 samples"):
        result(floor("<=", 1, "raw"), few)
    with pytest.raises(Failed, match="fast, slow"):
        result(floor("<=", 1), few)


def made() -> list[Result]:
    return [result(floor(">=", 2), samples(0.001, slow=0.009, fast=0.003)),
            result(floor("<=", 1.15, "raw"), samples(0.0012, raw=0.001))]


def test_report__json_has_exactly_the_promised_keys(capsys: pytest.CaptureFixture[str]) -> None:
    report.print_json(made())
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    keys = "case ours peer peer_name unit ratio floor holds sqlite_ours sqlite_peer"
    assert [list(each) for each in objects] == [keys.split()] * 2
    assert [each["floor"] for each in objects] == [">= 2", "<= 1.15"]


def test_report__the_table_says_what_does_not_hold(capsys: pytest.CaptureFixture[str]) -> None:
    report.print_table(made())
    lines = capsys.readouterr().out.splitlines()
    assert " NO " in lines[2] and " NO " not in lines[1]
    assert lines[-1].startswith("1 of 2 floors hold")


def test_chart__is_svg_with_a_bar_for_every_result(tmp_path: Path) -> None:
    path = tmp_path / "border.svg"
    chart.write(path, "border", made())
    bars = [each.get("class") for each in xml.parse(path).iter() if each.tag.endswith("rect")]
    assert bars == ["page", "yes", "no"]
