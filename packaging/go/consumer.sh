#!/bin/sh
# Proves that a Go program can use the package in each of the ways that
# bindings/go/walpool/doc.go names. Prints lines as `go test -v` does.
#
#     consumer.sh          from the root of the checkout
#
# No network and no module cache are used: the module is replaced by a copy of
# exactly what a module zip would hold of it for Go.
. packaging/go/env.sh
root=$PWD
work=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export GOFLAGS=-mod=mod GOPROXY=off GOWORK=off GOTOOLCHAIN=local
failures=0

try() { # NAME COMMAND...
    name=$1
    shift
    if ("$@") >"$work/log" 2>&1; then
        echo "--- PASS: consumer/$name"
    else
        cat "$work/log"
        echo "--- FAIL: consumer/$name"
        failures=$((failures + 1))
    fi
}

skip() { # NAME WHY
    echo "--- SKIP: consumer/$1 ($2)"
}

make_module() {
    mkdir -p "$work/module/bindings" "$work/app" || return
    cp -R go.mod core include "$work/module" || return
    cp -R bindings/go "$work/module/bindings" || return
    cat >"$work/app/go.mod" <<END
module example.org/app

go 1.24

require github.com/walpool/walpool v0.0.0

replace github.com/walpool/walpool => ../module
END
    cat >"$work/app/main.go" <<'END'
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/walpool/walpool/bindings/go/walpool"
)

func main() {
	ctx := context.Background()
	db, err := walpool.Open(ctx, os.Args[1], nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := db.Script(ctx, "CREATE TABLE t(v); INSERT INTO t VALUES (41)"); err != nil {
		log.Fatal(err)
	}
	var v int
	if err := db.QueryRow(ctx, "SELECT v + 1 FROM t").Scan(&v); err != nil {
		log.Fatal(err)
	}
	if err := db.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(v, walpool.Version().SQLiteBundled)
}
END
}

run_app() { # WANTED GO-FLAG...
    wanted=$1
    shift
    cd "$work/app" && rm -f app app.db* && go build "$@" -o app . &&
        answer=$(./app app.db) && test "$answer" = "$wanted"
}

vendored() {
    cd "$work/app" && go mod vendor && mv ../module ../hidden || return
    GOFLAGS=-mod=vendor run_app "42 false"
    status=$?
    cd "$work/app" && rm -rf vendor && mv ../hidden ../module
    return $status
}

needs_no_swig() { # nor anything else that a fresh machine lacks
    mkdir -p "$work/bin" || return
    for tool in go gcc cc as ld ar pkg-config sh rm; do
        found=$(command -v $tool) && ln -sf "$found" "$work/bin/$tool"
    done
    PATH=$work/bin run_app "42 false" -a
}

says_that_it_needs_cgo() {
    cd "$work/app" || return
    CGO_ENABLED=0 go build -o app . 2>&1 | tee "$work/said"
    grep -q 'set_CGO_ENABLED_to_1_and_install_a_C_compiler' "$work/said"
}

with_the_system_library() {
    export PKG_CONFIG_PATH="$root/build/prefix/lib/pkgconfig"
    export LD_LIBRARY_PATH="$root/build/prefix/lib"
    run_app "42 false" -tags walpool_system && ldd app | grep libwalpool
}

# SQLite by flags: the linker's alone, since the header is the system's.
with_sqlite_by_flags() {
    CGO_CFLAGS="$CGO_CFLAGS $(pkg-config --cflags sqlite3)" \
        CGO_LDFLAGS="$(pkg-config --libs sqlite3)" \
        run_app "42 true" -tags walpool_nosqlite
}

try "a module is made" make_module
try "a program is built from the module" run_app "42 false"
try "a program is built from a vendor folder" vendored
try "a build needs neither SWIG nor Meson" needs_no_swig
try "a build without cgo says what is missing" says_that_it_needs_cgo
try "SQLite is taken from CGO flags" with_sqlite_by_flags
if cmp -s include/walpool.h build/prefix/include/walpool.h; then
    try "an installed libwalpool is used" with_the_system_library
else
    skip "an installed libwalpool is used" "run the stage 'install' first"
fi
exit $failures
