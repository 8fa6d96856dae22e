# The contract's scenarios, run by the Go package.
. packaging/go/env.sh
export GOFLAGS=-buildvcs=false GOTOOLCHAIN=local
go test -v -count=1 -timeout 5m -run '^TestContract$' ./bindings/go/walpool >build/logs/go-contract.txt 2>&1
awk -v status=$? -f packaging/go/count.awk build/logs/go-contract.txt
