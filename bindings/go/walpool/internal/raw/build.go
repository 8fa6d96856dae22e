//go:build cgo

package raw

// How the C core gets in.
//
//	default            compiled into this package, with the system's SQLite
//	walpool_system     an installed libwalpool, found by pkg-config
//	walpool_nosqlite   compiled in; sqlite3.h and SQLite itself come from
//	                   CGO_CFLAGS and CGO_LDFLAGS, or from another package of
//	                   the program, so that there is one copy of SQLite

/*
#cgo CFLAGS: -I${SRCDIR}/../../../../../include
#cgo !walpool_system CFLAGS: -O2 -D_GNU_SOURCE -DNDEBUG -fvisibility=hidden
#cgo !walpool_system LDFLAGS: -lpthread
#cgo !walpool_system,!walpool_nosqlite pkg-config: sqlite3
#cgo walpool_nosqlite,!walpool_system CFLAGS: -DWALPOOL_SQLITE_BUNDLED=1
#cgo walpool_system pkg-config: walpool
*/
import "C"
