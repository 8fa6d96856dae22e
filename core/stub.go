//go:build walpool_never

// Package core holds C. This file makes it a folder that `go mod vendor` copies;
// its tag is never set. See bindings/go/walpool/internal/raw/vendor.go.
package core
