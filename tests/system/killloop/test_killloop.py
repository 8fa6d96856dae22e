"""The kill loop and the mix as the stage `killloop` runs them, and proof that
the kill loop can fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import crew
import run as loops


def ended(program: str, *arguments: object) -> tuple[int, str]:
    words = [sys.executable, str(HERE / program), *map(str, arguments)]
    run = subprocess.run(words, stdout=subprocess.PIPE, text=True)
    print(run.stdout)
    return run.returncode, run.stdout


def test_killloop__loses_nothing_in_100_rounds() -> None:
    status, _ = ended("run.py", "--rounds", 100)
    assert status == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("early", "is found"),
        ("outside", "the tally is"),
        ("twice", "met an error"),
        ("error", "met an error"),
        ("hang", "not within"),
    ],
)
def test_killloop__sees_what_is_wrong(
    wrong: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # it leaves its files behind
    patience = 5 if wrong == "hang" else 60
    status, output = ended("run.py", "--rounds", 100, "--wrong", wrong, "--patience", patience)
    assert status == 1
    assert [line for line in output.splitlines() if line.startswith("VIOLATION") and said in line]


def test_killloop__proves_too_little_where_nobody_is_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Idle(loops.Loop):
        def round(self, number: int) -> None:
            pass

        def finish(self) -> None:
            pass

    loop = Idle(tmp_path, 1, "", 60)
    try:
        with pytest.raises(crew.Violation, match="too little: no kill of acknowledgement, turn"):
            loops.run(loop, loops.ENOUGH)
    finally:
        loop.crew.end()
    assert f"round {loops.ENOUGH} of {loops.ENOUGH}" in capsys.readouterr().out


@pytest.mark.parametrize("program", ["shell", "python"])
def test_mix__of_four_languages_and_a_foreign_program_has_no_error(program: str) -> None:
    if program == "shell" and not shutil.which("sqlite3"):
        pytest.skip("the sqlite3 shell is not installed")
    status, _ = ended("mix.py", "--program", program, "--transactions", 1000)
    assert status == 0
