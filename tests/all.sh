#!/bin/sh
# Sets up, builds and tests everything, a stage at a time.
#
#     sh tests/all.sh               all stages
#     sh tests/all.sh core python   these stages
#
# A stage is a script tests/stages/NN-name.sh. It runs in the checkout with the
# tools of packaging/setup.sh, and its last line that reads `N passed, N failed`
# (`, N skipped` may follow) is its result; a stage without one has failed. Its
# output goes to build/logs/NN-name.log. All stages run, whichever fail.

WALPOOL_ROOT=$(cd "$(dirname "$0")/.." && pwd) && cd "$WALPOOL_ROOT" || exit 1
. packaging/setup.sh || exit 1

stage_minutes=15 # a stage that hangs is ended after this time
passed=0
failed=0
skipped=0

choose() { # NAME...: the scripts of these stages, or of all
    [ $# -gt 0 ] || { ls tests/stages/[0-9]*-*.sh && return; }
    for name; do
        ls tests/stages/[0-9]*-"$name".sh 2>/dev/null && continue
        echo "no stage '$name'; there are:" tests/stages/[0-9]*-*.sh >&2
        return 1
    done
}

run_limited() { # COMMAND...
    if command -v timeout >/dev/null; then
        set -- timeout -k 10 "${stage_minutes}m" "$@"
    fi
    "$@" </dev/null
}

result_of() { # LOG STATUS: passed, failed, skipped
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$1" | tail -n 1)
    # shellcheck disable=SC2046 # a list of numbers
    set -- "$2" $(echo "$line" | tr -dc '0-9 ')
    [ "$1" -eq 0 ] || [ "${3:-0}" -gt 0 ] || set -- "$1" "${2:-0}" 1 "${4:-0}"
    [ "$((${2:-0} + ${3:-0}))" -gt 0 ] || set -- "$1" 0 1 "${4:-0}"
    echo "$2 $3 ${4:-0}"
}

show_log() { # LOG
    tail -n 40 "$1" | sed 's/^/    | /'
    echo "    the whole log: $1"
}

run_stage() { # SCRIPT
    name=$(basename "$1" .sh)
    log=build/logs/$name.log
    began=$(date +%s)
    run_limited sh "$1" >"$log" 2>&1
    status=$?
    # shellcheck disable=SC2046 # a list of numbers
    set -- $(result_of "$log" $status)
    printf '%-14s %4d s  passed %d  failed %d  skipped %d\n' "$name" \
        "$(($(date +%s) - began))" "$@"
    [ "$2" -eq 0 ] || show_log "$log"
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

stages=$(choose "$@") || exit 2
mkdir -p build/logs
for stage in $stages; do
    run_stage "$stage"
done
[ $skipped -eq 0 ] || echo "skipped: $skipped (the logs say why)"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
