"""The main job of walpool: one database, three languages, on real input.

build.py has built the packages, and this runs by the Python that has ours.
A Python process loads records as jobs, Go and Node.js workers carry them out,
this process reads along, proves the result and prints it."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TextIO

from child import Failed
from options import Input, Options, Refused, load, parse
from words import count


class Stopped(Exception):
    """A signal asks this process to end; args: its number."""


def stop(number: int, _: object) -> None:
    raise Stopped(number)


def announce(source: Input, out: TextIO) -> None:
    """What is to be done, and what of the input is not."""
    skipped = source.malformed
    print(f"walpool demo: {count(len(source.records), 'record')} of {source.path}", file=out)
    for each in skipped[:20]:
        print(f"  line {each.line}: {each.reason}; record skipped", file=out)
    if len(skipped) > 20:
        print(f"  and {count(len(skipped) - 20, 'more malformed record')} skipped", file=out)
    out.flush()


def fail(message: str, options: Options | None, status: int) -> int:
    """An error for people, and for programs the same in their form."""
    print(f"demo: {message}", file=sys.stderr)
    if options.json if options else "--json" in sys.argv:
        print(json.dumps({"ok": False, "error": message}))
    return status


def show(options: Options, source: Input) -> int:
    from report import Report  # these need walpool, and a check does not
    from run import run

    out = sys.stderr if options.json else sys.stdout
    announce(source, out)
    result = run(options, source, Report(out))
    if options.json:
        print(json.dumps(result))
    return 0 if result["ok"] else 1


def main() -> int:
    options = None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        options = parse(sys.argv[1:])
        source = load(options.input)
        return 0 if options.check else show(options, source)
    except Refused as error:
        return fail(str(error), options, 2)
    except Failed as error:
        return fail(str(error), options, 1)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # nobody reads what would be flushed
        return 1
    except OSError as error:
        return fail(f"{error.filename}: {error.strerror}", options, 1)
    except Stopped as error:
        return fail("stopped; all processes are ended", options, 128 + error.args[0])


if __name__ == "__main__":
    sys.exit(main())
