# The Go package: form, tests, race detector, and programs that import it.
. packaging/go/env.sh
export GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
log=build/logs/go-results.txt
status=0
: >"$log"

form() { # NAME COMMAND...: passes if the command succeeds and prints nothing
    name=$1
    shift
    if said=$("$@" 2>&1) && [ -z "$said" ]; then
        echo "--- PASS: form/$name"
    else
        printf '%s\n--- FAIL: form/%s\n' "$said" "$name"
        status=1
    fi
}

record() { # NAME COMMAND...
    echo "== $1"
    shift
    "$@" >"$log.part" 2>&1 || status=1
    cat "$log.part"
    cat "$log.part" >>"$log"
}

form gofmt gofmt -l bindings/go core include >>"$log"
form vet go vet ./... >>"$log"
record "tests" go test -v -count=1 -timeout 5m -skip '^TestContract$' ./bindings/go/...
record "race detector" go test -race -count=1 -timeout 8m -skip '^TestContract$' ./bindings/go/walpool
record "programs that import it" sh packaging/go/consumer.sh
awk -v status=$status -f packaging/go/count.awk "$log" | tail -n 1
