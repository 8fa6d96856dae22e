#!/bin/sh
# The main job: one database, three languages, on real input.
#
#     sh packaging/demo.sh [--input FILE] [--kill[=go|node]] [--json] ...
#
# Gets this machine ready, builds the Python, Node.js and Go packages as their
# users get them (both only where something changed), and runs the job.
# `--help` tells the rest.

WALPOOL_ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
demo=$WALPOOL_ROOT/packaging/demo

# What is wrong with the request should show before a minute of building.
if python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    python3 "$demo/main.py" --check "$@" || exit
    case " $* " in *' --help '* | *' -h '*) exit 0 ;; esac
fi
. "$WALPOOL_ROOT/packaging/setup.sh" || exit 1
exec python3 "$demo/build.py" "$@"
