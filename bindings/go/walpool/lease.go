package walpool

import (
	"context"
	"runtime"
	"sync"

	"github.com/walpool/walpool/bindings/go/walpool/internal/raw"
)

const (
	kindRead  = 0
	kindWrite = 1
)

// A lease is the right to use one connection: a reader with its snapshot, or
// the writer in its transaction.
//
// Calls on it hold mu shared, so that several at once reach the library, which
// answers ErrBusy to the later ones. Whoever ends it holds mu alone: it waits
// for calls of other goroutines, and nothing is called on it afterwards.
type lease struct {
	db     *DB
	handle uint64

	mu   sync.RWMutex // guards done
	done bool

	cursorsMu sync.Mutex // guards cursors
	cursors   map[uint64]struct{}
}

func (db *DB) acquire(ctx context.Context, kind int32) (*lease, error) {
	t := target{db: db, write: kind == kindWrite}
	var c call
	if err := t.begin(ctx, &c); err != nil {
		return nil, err
	}
	defer c.end()
	f := getFrame()
	defer func() { putFrame(f) }()
	f.start()
	f.request(&c, 0, 0, "")
	f.seal(0)
	handle := raw.WalpoolAcquire(db.handle, kind, f.Frame)
	runtime.KeepAlive(db)
	if err := c.failed(f); err != nil {
		return nil, err
	}
	return &lease{db: db, handle: handle}, nil
}

// holds reports whether the lease is still out, of this database.
func (l *lease) holds(db *DB) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.db == db && !l.done
}

// run runs the statement in the frame.
func (l *lease) run(f *frame) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	raw.WalpoolRun(l.handle, f.Frame)
}

// simple makes a call that has neither request nor answer.
func (l *lease) simple(do func(uint64, *raw.Frame) int32) error {
	f := getFrame()
	defer putFrame(f)
	f.plain(0)
	do(l.handle, f.Frame)
	if f.Error.Status != 0 {
		return failure(&f.Error)
	}
	return nil
}

// timed makes a call that has a deadline but no statement.
func (l *lease) timed(ctx context.Context, do func(uint64, *raw.Frame) int32) error {
	var c call
	if err := c.begin(ctx); err != nil {
		return err
	}
	defer c.end()
	f := getFrame()
	defer putFrame(f)
	f.start()
	f.request(&c, 0, 0, "")
	f.seal(0)
	do(l.handle, f.Frame)
	return c.failed(f)
}

func (l *lease) begin(ctx context.Context) error  { return l.timed(ctx, raw.WalpoolBegin) }
func (l *lease) commit(ctx context.Context) error { return l.timed(ctx, raw.WalpoolCommit) }
func (l *lease) savepoint() error                 { return l.simple(raw.WalpoolSavepoint) }
func (l *lease) rollback() error                  { return l.simple(raw.WalpoolRollback) }

// release gives the lease back, whatever is open on it.
func (l *lease) release() error {
	err := l.simple(raw.WalpoolRelease)
	runtime.KeepAlive(l.db)
	return err
}

// opened and ended keep the list of cursors: a commit closes those that the
// caller left open.
func (l *lease) opened(cursor uint64) {
	l.cursorsMu.Lock()
	defer l.cursorsMu.Unlock()
	if l.cursors == nil {
		l.cursors = make(map[uint64]struct{})
	}
	l.cursors[cursor] = struct{}{}
}

func (l *lease) ended(cursor uint64) {
	l.cursorsMu.Lock()
	defer l.cursorsMu.Unlock()
	delete(l.cursors, cursor)
}

func (l *lease) closeCursors() {
	l.cursorsMu.Lock()
	defer l.cursorsMu.Unlock()
	for cursor := range l.cursors {
		closeCursor(cursor)
	}
	clear(l.cursors)
}

// end closes the lease to new calls, waits for running ones, and lets finish
// have the last word before it is given back.
func (l *lease) end(finish func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done = true
	l.closeCursors()
	err := finish()
	if released := l.release(); err == nil {
		err = released
	}
	return err
}
