// Package walpool keeps the data of a service in SQLite, in WAL mode, from any
// number of goroutines: one fair writer and several readers on one file,
// checkpoints that do not stall anybody, and health that tells the truth.
//
//	db, err := walpool.Open(ctx, "app.db", nil)
//	if err != nil {
//		return err
//	}
//	defer db.Close()
//	_, err = db.Exec(ctx, "INSERT INTO user(name) VALUES (?)", "Ada")
//
// # Reading and writing
//
// [DB.Query] and [DB.QueryRow] read, on a snapshot of their own and without
// waiting for writers. [DB.Exec], [DB.ExecMany], [DB.Batch] and [DB.Script]
// write, each in a transaction of its own. [DB.Read] and [DB.Write] call
// a function with several statements on one snapshot, or in one transaction.
// [Collect] and [CollectStructs] make slices of results.
//
// In one process a write never fails because the database is locked: writers
// wait in a fair queue, until the deadline of their context.
//
// # Types
//
// INTEGER is int64, REAL float64, TEXT string in UTF-8, BLOB []byte, NULL nil.
// A conversion that would lose something is an error, in both directions.
// Bool is stored as 0 or 1. NaN cannot be stored. SQLite has no type for
// times: store time.Time.UnixMilli, or a text by a layout.
//
// # Contexts
//
// Every call that can wait takes a context. Its deadline is the deadline of
// the whole call, in the queue, for other processes' locks, and in SQLite; its
// cancellation reaches each of these. [WithWhy] labels what is done with it.
//
// # Errors
//
// Errors are an [*Error] with a [Status]: errors.Is(err, walpool.ErrTimeout).
//
// # Looking after it
//
// [DB.Health] is a snapshot that waits for nobody, with a verdict, and reasons
// that name who is in the way; [DB.Metrics] is the same for Prometheus, and
// [DB.Probe] finds out whether a write gets through. Checkpoints are made by
// themselves; [Options] bound the WAL. [DB.Backup] copies a database while it is
// used, [DB.Restore] takes one back. [DB.Optimize], [DB.Vacuum],
// [DB.IncrementalVacuum] and [DB.Check] keep it fast, small and known to be sound.
//
// # Caveats
//
// Never open and close the database file, its -wal or its -shm yourself in
// a process that has it open: POSIX then drops all locks of the process. Do not
// open it through another copy of SQLite in the same process, for the same
// reason; the packages that carry SQLite with them are such copies. Never move,
// replace or remove them while they are open: writes are then refused. Rows that
// are neither read to their end nor closed keep their snapshot, and the WAL
// cannot be reset while they do. WAL needs one machine: no network file
// systems.
//
// # Building
//
// The package compiles a C library: it needs cgo, a C compiler, pkg-config and
// SQLite 3.35 or newer with its headers (Debian: gcc, pkg-config,
// libsqlite3-dev). With the tag walpool_system it uses an installed libwalpool
// instead. With walpool_nosqlite the header sqlite3.h and SQLite itself come
// from CGO_CFLAGS and CGO_LDFLAGS, or from another package of the program that
// carries SQLite, so that both share one copy.
package walpool
