package walpool

import (
	"context"
	"runtime"
	"strings"
	"sync"

	"github.com/walpool/walpool/bindings/go/walpool/internal/raw"
)

// DB is an open database: up to [Options.Readers] readers and one writer on
// one file in WAL mode. Opening a file again in the same process shares them.
//
// All methods may be called from any number of goroutines at once. The
// context's deadline bounds all that a call waits for and runs; without one it
// waits up to [Options.BusyTimeout], and runs as long as it takes. When the
// context is canceled the call ends with an error that is both
// [context.Canceled] and [ErrCanceled], wherever it is.
type DB struct {
	handle  uint64
	columns columnCache
	cleanup runtime.Cleanup

	closing sync.Mutex // guards closed; held while a Close waits
	closed  bool
}

// Open opens a database, creates the file if it is missing, and switches it to
// WAL if need be: no error means that it was read and is in WAL mode.
//
// The name is a path, or a DSN when it begins with "file:":
//
//	file:app.db?_busy_timeout=5000&_foreign_keys=1
//
// The keys are those of walpool_options_set in walpool.h, a leading underscore
// is ignored, and the spellings of other SQLite drivers are understood where
// they mean the same. What the DSN says wins over options; nil options are the
// defaults. A file that this process has open already keeps its first options.
//
// Open waits up to BusyTimeout while another process has the file locked. When
// the context ends earlier, Open returns and closes what it opens later.
//
// Errors: [ErrOption], [ErrMisuse] for an empty name or ":memory:",
// [ErrCantOpen], [ErrNotADatabase], [ErrCorrupt], [ErrNotWAL], [ErrReadOnly],
// [ErrTimeout], [ErrIO], [ErrFull], [ErrUnsupported].
//
// It calls walpool_open.
func Open(ctx context.Context, name string, options *Options) (*DB, error) {
	if ctx == nil {
		return nil, errNilContext()
	}
	if err := ctx.Err(); err != nil {
		return nil, canceled(err)
	}
	if strings.IndexByte(name, 0) >= 0 {
		return nil, errorf(ErrMisuse, "cannot open %q: the name has a NUL byte", name)
	}
	return openUntil(ctx, name, options.text())
}

func open(name, options string) (*DB, error) {
	f := getFrame()
	defer func() { putFrame(f) }()
	f.start()
	f.reserve(len(name) + len(options) + 2)
	f.used += copy(f.mem[f.used:], name+"\x00"+options+"\x00")
	f.used = align(f.used)
	f.seal(0)
	handle := raw.WalpoolOpen(f.Frame)
	if f.Error.Status != 0 {
		return nil, failure(&f.Error)
	}
	db := &DB{handle: handle}
	db.cleanup = runtime.AddCleanup(db, abandon, handle)
	return db, nil
}

// openUntil opens while it watches the context, where that can end.
func openUntil(ctx context.Context, name, options string) (*DB, error) {
	if ctx.Done() == nil {
		return open(name, options)
	}
	type opened struct {
		db  *DB
		err error
	}
	done := make(chan opened, 1)
	go func() {
		db, err := open(name, options)
		done <- opened{db, err}
	}()
	select {
	case o := <-done:
		return o.db, o.err
	case <-ctx.Done():
		go func() {
			if o := <-done; o.db != nil {
				o.db.Close()
			}
		}()
		return nil, canceled(ctx.Err())
	}
}

// abandon closes a database that was lost without Close. It may have to wait
// for rows that were lost with it, so it does not hold up other cleanups.
func abandon(handle uint64) {
	go closeHandle(handle, -1)
}

func closeHandle(handle uint64, timeout int64) error {
	f := getFrame()
	defer putFrame(f)
	f.plain(0)
	raw.WalpoolClose(handle, timeout, f.Frame)
	if f.Error.Status != 0 {
		return failure(&f.Error)
	}
	return nil
}

// Close closes the database. The last one on a file writes what is in the WAL
// into the file and removes the WAL.
//
// It waits for running calls, for transactions and for Rows that were not
// closed, up to [Options.CloseTimeout]. Then it fails with [ErrTimeout], names
// one that is still out, and the database stays open and usable. Closing again
// does nothing. It calls walpool_close.
func (db *DB) Close() error {
	if db == nil {
		return errorf(ErrMisuse, "the database is nil")
	}
	return db.closeIn(-1)
}

// closeIn closes within milliseconds; -1 is CloseTimeout.
func (db *DB) closeIn(timeout int64) error {
	db.closing.Lock()
	defer db.closing.Unlock()
	if db.closed {
		return nil
	}
	if err := closeHandle(db.handle, timeout); err != nil {
		return err
	}
	db.closed = true
	db.cleanup.Stop()
	return nil
}

// id returns the handle; that of a nil DB is one that the library refuses.
func (db *DB) id() uint64 {
	if db == nil {
		return 0
	}
	return db.handle
}

func (db *DB) reader() *target { return &target{db: db} }
func (db *DB) writer() *target { return &target{db: db, write: true} }

// Query runs one statement that does not write, on a reader, and returns its
// rows. They are of one snapshot, the newest at the time of the call.
//
// The args are the values of the statement's parameters in order, or all by
// name with [Named]: nil, integers, floats, bool (0 or 1), string, []byte (nil
// is NULL, empty is not), types made of these, pointers to them (nil is NULL),
// and [driver.Valuer]. Times have no type in SQLite and are an error.
//
// Errors: [ErrReadOnly] for a statement that writes (use [DB.Exec] or
// [DB.ExecReturning]), [ErrRefused] for BEGIN, COMMIT and the like (use
// [DB.Read] or [DB.Write]), [ErrParam], [ErrSQL], [ErrTimeout], [ErrCanceled]
// and others. It calls walpool_read.
func (db *DB) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	return db.reader().query(ctx, text(sql), args)
}

// QueryRow is Query for the first row. It always returns a row; errors come
// from its Scan, [ErrNoRows] if there was none.
//
//	var name string
//	err := db.QueryRow(ctx, "SELECT name FROM user WHERE id = ?", 7).Scan(&name)
func (db *DB) QueryRow(ctx context.Context, sql string, args ...any) *Row {
	return db.reader().queryRow(ctx, text(sql), args)
}

// Exec runs one statement in a write transaction of its own: it is committed
// when Exec returns, or nothing was changed ([Error.Outcome] tells when even
// that is unknown). Parameters are as in [DB.Query]. The rows of a RETURNING
// clause are dropped.
//
// Errors: [ErrConstraint], [ErrDeadlock], [ErrFull], and as Query. It calls
// walpool_write.
func (db *DB) Exec(ctx context.Context, sql string, args ...any) (Result, error) {
	return db.writer().exec(ctx, 0, text(sql), args)
}

// ExecExpect is Exec for a statement that must change exactly so many rows: with
// any other number it is undone, and the error is [ErrMismatch].
//
//	_, err := db.ExecExpect(ctx, 1, "UPDATE user SET name = ? WHERE id = ?", "Ada", 7)
func (db *DB) ExecExpect(ctx context.Context, changes int64, sql string, args ...any) (Result, error) {
	return db.writer().execExpect(ctx, changes, text(sql), args)
}

// ExecReturning is Exec for a statement with RETURNING: it returns the rows,
// which are all in memory, after the commit.
func (db *DB) ExecReturning(ctx context.Context, sql string, args ...any) (*Rows, error) {
	return db.writer().query(ctx, text(sql), args)
}

// ExecReturningRow is ExecReturning for the first row of a statement that is
// carried out for all of them. It always returns a row; errors come from its
// Scan, [ErrNoRows] if there was none.
//
//	var id int64
//	err := db.ExecReturningRow(ctx, "INSERT INTO user(name) VALUES (?) RETURNING id", "Ada").Scan(&id)
func (db *DB) ExecReturningRow(ctx context.Context, sql string, args ...any) *Row {
	return db.writer().queryRow(ctx, text(sql), args)
}

// Script runs the statements of a text, which have no parameters and whose
// rows are dropped, in one write transaction: all of them or none.
func (db *DB) Script(ctx context.Context, sql string) error {
	_, err := db.writer().exec(ctx, callScript, text(sql), nil)
	return err
}
