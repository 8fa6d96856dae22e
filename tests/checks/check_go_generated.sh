#!/bin/sh
# The Go sources that are committed ready-made are what packaging/go/generate.sh
# makes now.
#
#     check_go_generated.sh              checks this checkout
#     check_go_generated.sh --selftest   proves that it can fail
root=$(cd "$(dirname "$0")/../.." && pwd)
raw=bindings/go/walpool/internal/raw
made=$(mktemp -d) || exit 1
trap 'rm -rf "$made"' EXIT

# Compares FOLDER with what is made: every file that is made, and no other shim.
compare() { # FOLDER
    bad=0
    for file in "$made"/*; do
        cmp -s "$file" "$1/${file##*/}" && continue
        echo "$raw/${file##*/}:1: it is not what packaging/go/generate.sh makes; run that and commit it"
        bad=1
    done
    for file in "$1"/core_*.c; do
        [ -e "$made/${file##*/}" ] && continue
        echo "$raw/${file##*/}:1: core/meson.build has no such module; run packaging/go/generate.sh"
        bad=1
    done
    return $bad
}

selftest() {
    copy=$made.copy
    trap 'rm -rf "$made" "$copy"' EXIT
    cp -R "$made" "$copy" && compare "$copy" || return
    echo >>"$copy/raw.go"
    : >"$copy/core_nosuch.c"
    compare "$copy" >"$copy/said"
    rm "$copy/core_error.c"
    compare "$copy" >>"$copy/said"
    grep -q 'raw.go:1: it is not' "$copy/said" &&
        grep -q 'core_nosuch.c:1: core/meson.build has no such' "$copy/said" &&
        grep -q 'core_error.c:1: it is not' "$copy/said"
}

sh "$root/packaging/go/generate.sh" "$made" || exit 1
if [ "${1:-}" = --selftest ]; then
    selftest
else
    compare "$root/$raw"
fi
