"""The main job of walpool: one database, three languages, on real input.

build.py has built the packages, and this runs by the Python that has ours.
A Python process loads records as jobs, Go and Node.js workers carry them out,
this process reads along, proves the result and prints it."""

from __future__ import annotations

import json
import os
import signal
import sys

from child import Failed
from options import Options, Refused, load, parse


class Stopped(Exception):
    """A signal asks this process to end; args: its number."""


def stop(number: int, _: object) -> None:
    raise Stopped(number)


def fail(message: str, options: Options | None, status: int) -> int:
    """An error for people, and for programs the same in their form."""
    print(f"demo: {message}", file=sys.stderr)
    if options.json if options else "--json" in sys.argv:
        print(json.dumps({"ok": False, "error": message}))
    return status


def show(options: Options) -> int:
    from report import Report  # these need walpool, and a check does not
    from run import run

    source = load(options.input)
    report = Report(sys.stderr if options.json else sys.stdout)
    report.announce(source, options.workers)
    result = run(options, source, report)
    if options.json:
        print(json.dumps(result))
    return 0 if result["ok"] else 1


def check(options: Options) -> int:
    load(options.input)
    return 0


def prepare() -> None:
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, stop)
    for stream in (sys.stdout, sys.stderr):  # any path can be printed
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def main() -> int:
    options = None
    prepare()
    try:
        options = parse(sys.argv[1:])
        return check(options) if options.check else show(options)
    except Refused as error:
        return fail(str(error), options, 2)
    except Failed as error:
        return fail(str(error), options, 1)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # nobody reads what would be flushed
        return 1
    except OSError as error:
        return fail(str(error), options, 1)
    except Stopped as error:
        return fail("stopped; all processes are ended", options, 128 + error.args[0])


if __name__ == "__main__":
    sys.exit(main())
