#!/bin/sh
# Builds the addon for this machine and puts it into the npm package, as
# bindings/node/prebuilds/PLATFORM-ARCH.node. Arguments go to `meson setup`:
#
#     sh packaging/node/build.sh
#     sh packaging/node/build.sh -Dsqlite=bundled -Dsqlite_source=DIR

set -e
WALPOOL_ROOT=$(cd "$(dirname "$0")/../.." && pwd)
cd "$WALPOOL_ROOT"
. packaging/setup.sh

folder=build/node
prebuilds=bindings/node/prebuilds
platform=$(node -p 'require("./bindings/node/lib/platform.js").platform')

configure() { # OPTION...
    meson setup "$@" --buildtype=release -Dnode=enabled -Dtests=false \
        -Dnode_include="$WALPOOL_NODE_INCLUDE" \
        -Dnode_addon_include="$WALPOOL_NODE_ADDON_INCLUDE"
}

{
    configure --reconfigure "$folder" "$@" || configure --wipe "$folder" "$@"
    meson compile -C "$folder" walpool.node
} >&2

# A new file each time: a process may have the old one loaded.
mkdir -p "$prebuilds"
cp "$folder/bindings/node/walpool.node" "$prebuilds/new.$$"
strip "$prebuilds/new.$$" 2>/dev/null || true
mv "$prebuilds/new.$$" "$prebuilds/$platform.node"
echo "built $prebuilds/$platform.node" >&2
