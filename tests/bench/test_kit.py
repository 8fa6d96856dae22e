"""The benchmark's own arithmetic: floors, medians, the best peer, the chart."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kit import chart, report
from kit.floors import Floor, parse, read_floors
from kit.measure import Result, Samples, result
from kit.workshop import Failed
from run import GROUPS


def floor(relation: str, bound: float, peers: str = "slow|fast", unit: str = "ms", take: str = "median") -> Floor:
    return parse(f"border case measure {peers} {relation} {bound} {unit} {take}")


def samples(ours: float, **peers: float) -> Samples:
    seconds = {"ours": ours, **peers}
    spread = {side: [value, value * 9, value / 9, value, value] for side, value in seconds.items()}
    return Samples(spread, {side: f"3.{i}" for i, side in enumerate(seconds)})


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_floors__every_case_is_measured_by_one_program(group: str) -> None:
    measured = [name for program in GROUPS[group].programs for name in program.measures]
    floors = read_floors(group)
    assert len(set(measured)) == len(measured)
    assert {each.measure for each in floors} == set(measured)
    assert len({each.case for each in floors}) == len(floors)


def test_floors__refuse_a_relation_they_do_not_know() -> None:
    with pytest.raises(ValueError, match="floors.txt"):
        floor("==", 1)


@pytest.mark.parametrize("bound", ["25s", "ms", "2.5.0ms"])
def test_floors__refuse_a_bound_in_another_unit(bound: str) -> None:
    with pytest.raises(ValueError, match="floors.txt"):
        parse(f"wal case measure raw <= {bound} ms worst")


def test_measure__takes_medians_and_the_best_peer() -> None:
    got = result(floor(">=", 2), samples(0.001, slow=0.009, fast=0.003))
    assert (got.peer_name, got.sqlite_ours, got.sqlite_peer) == ("fast", "3.0", "3.2")
    assert (got.ours, got.peer, got.ratio) == pytest.approx((1, 3, 3))
    assert got.holds


def test_measure__gives_a_bound_on_cost_the_other_way_round() -> None:
    got = result(floor("<=", 1.15, "raw"), samples(0.0012, raw=0.001))
    assert got.ratio == pytest.approx(1.2)
    assert not got.holds


def test_measure__a_rate_is_better_when_it_is_higher() -> None:
    got = result(floor(">=", 2, unit="/s"), samples(700.0, slow=100.0, fast=200.0))
    assert (got.peer_name, got.ours, got.peer) == ("fast", 700, 200)
    assert (got.ratio, got.holds) == (pytest.approx(3.5), True)


def test_measure__takes_the_worst_where_the_floor_says_so() -> None:
    longest = result(floor(">=", 2, "raw", "s", "worst"), Samples({"ours": [1, 2, 9, 1, 1], "raw": [9, 36, 9, 9, 9]}, {}))
    assert (longest.ours, longest.peer, longest.ratio) == (9, 36, 4)
    share = result(floor(">=", 0.4, "raw", "share", "worst"), Samples({"ours": [.9, .3, 1, 1, 1], "raw": [0.0] * 5}, {}))
    assert (share.ours, share.ratio, share.holds) == (0.3, 0.3, False)


def test_measure__a_bound_with_its_unit_is_for_ours_alone() -> None:
    bound = parse("wal case measure raw <= 25ms ms worst")
    slow, fast = [0.001, 0.026, 0.001, 0.001, 0.001], [0.001] * 5
    assert result(bound, Samples({"ours": fast, "raw": [0.0] * 5}, {})).holds
    missed = result(bound, Samples({"ours": slow, "raw": slow}, {}))
    assert (missed.ours, missed.ratio, missed.holds) == (pytest.approx(26), pytest.approx(26), False)
    assert bound.text == "<= 25 ms"


def test_measure__one_error_is_one_too_many() -> None:
    bound = floor("<=", 0, "raw", "errors", "worst")
    none, one = [0.0] * 5, [0.0, 0.0, 1.0, 0.0, 0.0]
    assert result(bound, Samples({"ours": none, "raw": one}, {})).holds
    assert not result(bound, Samples({"ours": one, "raw": none}, {})).holds


def test_measure__refuses_a_peer_that_did_nothing() -> None:
    with pytest.raises(Failed, match="raw"):
        result(floor(">=", 2, "raw", "/s"), samples(1.0, raw=0.0))


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
    report.print_table(made(), "nothing")
    lines = capsys.readouterr().out.splitlines()
    assert " NO " in lines[2] and " NO " not in lines[1]
    assert any(line.startswith("1 of 2 floors hold") for line in lines)
    assert lines[-1] == "Began on nothing."


def test_report__shows_every_side_of_a_measure_once(capsys: pytest.CaptureFixture[str]) -> None:
    both = samples(0.001, slow=0.009, fast=0.003)
    report.print_table([result(floor(">=", 2, peers), both) for peers in ("slow", "fast")], "nothing")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    heading = lines.index(["measure", "unit", "ours", "slow", "fast"])
    assert lines[heading + 1:heading + 3] == [["measure", "ms", "1", "9", "3"], []]


def test_chart__is_svg_with_a_bar_for_every_result(tmp_path: Path) -> None:
    path = tmp_path / "border.svg"
    chart.write(path, "border", made())
    bars = [each.get("class") for each in xml.parse(path).iter() if each.tag.endswith("rect")]
    assert bars == ["page", "yes", "no"]


@pytest.mark.parametrize("group", ["cache", "reading", "wal", "writing"])
def test_group__every_case_in_c_runs_and_no_write_is_refused(group: str) -> None:
    run = Path(__file__).resolve().parent / "run.py"
    in_c = [each.case for each in read_floors(group) if each.measure in GROUPS[group].programs[0].measures]
    command = [sys.executable, run, group, "--smoke", "--json", *(f"--case={case}" for case in in_c)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = {each["case"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert set(results) == set(in_c)
    assert [case for case, each in results.items() if each["unit"] == "errors" and each["ours"]] == []
