"""Help, version and man page: complete, and their examples work."""

import re
import shutil
import subprocess

import pytest
from conftest import COMMAND, ROOT

MAN = ROOT / "bindings/cli/walpool.1"
SUMMARY = re.compile(r"^  ([a-z]+) {2,}\S", re.M)


def text_of(*words):
    return subprocess.run(
        [COMMAND, *words], check=True, capture_output=True, text=True
    ).stdout


def man_text():
    return MAN.read_text().replace("\\-", "-")


COMMANDS = SUMMARY.findall(text_of("--help"))
MAN_EXAMPLES = re.findall(r"^\.nf\n\.B (walpool .*)\n\.fi$", man_text(), re.M)
README = (ROOT / "README.md").read_text().partition("## The command")[2]
README_EXAMPLES = re.findall(
    r"^walpool .*$", re.search(r"^```text\n(.*?)^```", README, re.M | re.S).group(1), re.M
)
HELP_EXAMPLES = [
    line for name in COMMANDS
    for line in re.findall(r"^Example: (.*)$", text_of(name, "--help"), re.M)
]


def test_help__every_command_has_one_and_an_example():
    assert COMMANDS and MAN_EXAMPLES and README_EXAMPLES
    for name in COMMANDS:
        text = text_of(name, "--help")
        assert text.startswith(f"Usage: walpool {name} FILE")
        assert "Exit status: 0 ok, 1 degraded, 2 failing, 64 wrong usage." in text
        assert f"Example: walpool {name} " in text


def test_man__has_every_command_and_every_option():
    man = man_text()
    assert re.findall(r'^\.BI "([a-z]+) " ', man, re.M) == COMMANDS
    options = set()
    for name in COMMANDS:
        options |= set(re.findall(r"^  (--[a-z]+)", text_of(name, "--help"), re.M))
    described = set(re.findall(r"^\.BI? (--[a-z]+)", man, re.M))
    assert described == options | {"--version"}


@pytest.mark.parametrize("example", sorted({*MAN_EXAMPLES, *HELP_EXAMPLES, *README_EXAMPLES}))
def test_examples__work(example, database, monkeypatch, tmp_path):
    subprocess.run([COMMAND, "backup", database, database.parent / "yesterday.db"], check=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/walpool").symlink_to(COMMAND)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    subprocess.run(["/bin/sh", "-c", example], cwd=database.parent, check=True, timeout=60)


def test_man__is_read_without_a_warning():
    groff = shutil.which("groff")
    if not groff:
        pytest.skip("there is no groff here")
    done = subprocess.run(
        [groff, "-man", "-Tascii", "-ww", "-z", str(MAN)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_version__names_walpool_and_sqlite():
    header = (ROOT / "include/walpool.h").read_text()
    version = re.search(r'#define WALPOOL_VERSION "(.*)"', header).group(1)
    assert re.fullmatch(
        rf"walpool {version}, SQLite 3\.\d+\.\d+ \(.*the WAL-reset bug\)\n",
        text_of("--version"),
    )
    assert f'"walpool {version}"' in MAN.read_text()
