//go:build !cgo

package raw

// walpool is a C library. If the compiler stops here, this build has no cgo:
// set CGO_ENABLED=1 and install a C compiler, pkg-config and SQLite's headers
// (Debian: apt-get install gcc pkg-config libsqlite3-dev).
var _ = walpool_needs_cgo__set_CGO_ENABLED_to_1_and_install_a_C_compiler
