# The rules of the house: every script in tests/checks, one result each. A
# check that knows --selftest first proves that it can fail, one more result.
# Files that begin with an underscore are shared parts.
passed=0
failed=0

run() { # COMMAND...
    echo "== $*"
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $*"
    fi
}

for check in tests/checks/[!_]*.py tests/checks/[!_]*.sh; do
    case $check in
    *'*'*) continue ;;
    *.py) with="python3" ;;
    *.sh) with="sh" ;;
    esac
    if grep -q -e --selftest -e 'from _check import' "$check"; then
        run "$with" "$check" --selftest
    fi
    run "$with" "$check"
done
echo "$passed passed, $failed failed"
