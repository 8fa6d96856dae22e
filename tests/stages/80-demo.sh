# The main job: packaging/demo.sh from its set-up to every way it can end.
log=build/logs/demo-tests.log

number() { # WORD: how many results pytest calls so
    found=$(tail -n 1 "$log" | grep -oE "[0-9]+ $1" | tr -dc 0-9)
    echo "${found:-0}"
}

# What it builds here, the tests use.
if ! sh packaging/demo.sh; then
    echo "0 passed, 1 failed"
    exit 1
fi
mkdir -p build/logs
python3 -m pytest -q -p no:cacheprovider packaging/demo >"$log" 2>&1
status=$?
cat "$log"
failed=$(($(number failed) + $(number error)))
[ $status -eq 0 ] || [ $failed -gt 0 ] || failed=1
echo "$(($(number passed) + 1)) passed, $failed failed, $(number skipped) skipped"
exit $status
