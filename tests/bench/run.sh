#!/bin/sh
# Measures walpool against what its users have today.
#
#     sh tests/bench/run.sh border [--json] [--charts DIR] [--case NAME]
#     sh tests/bench/run.sh cache|reading|wal|writing [--seconds S] [the same]
#
# The first run installs and builds the peers in .tools/bench and takes some
# minutes; README.md beside this file says what the figures mean.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
WALPOOL_ROOT=$(CDPATH='' cd -- "$here/../.." && pwd)
export WALPOOL_ROOT
# shellcheck source=packaging/setup.sh
. "$WALPOOL_ROOT/packaging/setup.sh" || exit 1
exec python "$here/run.py" "$@"
