package walpool

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/walpool/walpool/bindings/go/walpool/internal/raw"
)

// A call is how one crossing is to be carried out: deadline, cancellation and
// label, all from the context. A context without Done costs nothing.
type call struct {
	ctx     context.Context
	timeout int64 // milliseconds for all of it; -1: wait up to BusyTimeout
	why     string
	cancel  *token
	stop    func() bool
}

// carried is what a context holds for this package.
type carried struct {
	why    string
	tx     *lease
	noWait bool
}

type carriedKey struct{}

// WithWhy labels the calls that are made with the returned context: health and
// errors name the label when a lease is held for long. Its first 47 bytes
// count.
func WithWhy(ctx context.Context, why string) context.Context {
	c := carriedBy(ctx)
	c.why = why
	return context.WithValue(ctx, carriedKey{}, &c)
}

// NoWait makes calls with the returned context wait for nothing: what is not
// free at once is [ErrTimeout].
func NoWait(ctx context.Context) context.Context {
	c := carriedBy(ctx)
	c.noWait = true
	return context.WithValue(ctx, carriedKey{}, &c)
}

func carriedBy(ctx context.Context) carried {
	if c, ok := ctx.Value(carriedKey{}).(*carried); ok {
		return *c
	}
	return carried{}
}

func errNilContext() error {
	return errorf(ErrMisuse, "the context is nil; pass context.Background()")
}

// begin reads the context. Whoever calls it calls end, unless it fails.
func (c *call) begin(ctx context.Context) error {
	if ctx == nil {
		return errNilContext()
	}
	c.ctx, c.timeout = ctx, -1
	if held, ok := ctx.Value(carriedKey{}).(*carried); ok {
		c.why = held.why
		if held.noWait {
			c.timeout = 0
		}
	}
	if ctx.Done() == nil {
		return nil
	}
	return c.arm()
}

// beginWrite is begin for calls that need the writer of db.
func (c *call) beginWrite(ctx context.Context, db *DB) error {
	if ctx != nil {
		held, ok := ctx.Value(carriedKey{}).(*carried)
		if ok && held.tx != nil && held.tx.holds(db) {
			return errorf(ErrDeadlock, "this context carries a write transaction of the same database: "+
				"use that transaction, whose Savepoint nests")
		}
	}
	return c.begin(ctx)
}

// arm sets deadline and cancellation. A context that has ended goes the same
// way as one that ends during the call, so that health counts both.
func (c *call) arm() error {
	t := tokens.Get().(*token)
	if t.handle == 0 {
		return errorf(ErrNoMemory, "cannot make a cancel token: out of memory")
	}
	c.cancel = t
	if c.ctx.Err() != nil {
		cancel(t.handle)
		c.stop = func() bool { return false }
		return nil
	}
	c.setDeadline()
	t.ctx, t.timed = c.ctx, c.timeout > 0
	c.stop = context.AfterFunc(c.ctx, t.fire)
	return nil
}

// again readies the next crossing of the same call. The token is fired by a
// goroutine of its own, which may come late.
func (c *call) again() {
	if c.cancel != nil && c.ctx.Err() != nil {
		cancel(c.cancel.handle)
	}
	c.setDeadline()
}

// setDeadline sets what is left of it.
func (c *call) setDeadline() {
	if c.cancel == nil || c.timeout == 0 {
		return
	}
	if deadline, ok := c.ctx.Deadline(); ok {
		c.timeout = max(milliseconds(time.Until(deadline)), 1)
	}
}

func (c *call) end() {
	if c.stop == nil {
		return
	}
	if c.stop() {
		c.cancel.ctx = nil
		tokens.Put(c.cancel)
	} // otherwise it has fired, or is about to: its cleanup closes it
	c.stop, c.cancel = nil, nil
}

func (c *call) token() uint64 {
	if c.cancel == nil {
		return 0
	}
	return c.cancel.handle
}

// failed returns the error that the frame's slot holds, or nil.
func (c *call) failed(f *frame) error {
	if f.Error.Status == 0 {
		return nil
	}
	err := failure(&f.Error)
	switch {
	case err.Status == ErrCanceled && c.ctx != nil:
		err.cause = c.ctx.Err()
		if errors.Is(err.cause, context.DeadlineExceeded) {
			err.Status = ErrTimeout
		}
		if why := context.Cause(c.ctx); why != err.cause {
			err.cause = errors.Join(err.cause, why)
		}
	case err.Status == ErrTimeout && c.stop != nil:
		if _, ok := c.ctx.Deadline(); ok && c.timeout > 0 {
			err.cause = context.DeadlineExceeded
		}
	}
	return err
}

const longestTimeout = 86_400_000 // milliseconds; the library takes no longer one

// milliseconds rounds up, so that a short wait is not none; negative is -1.
func milliseconds(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return min(int64((d+time.Millisecond-1)/time.Millisecond), longestTimeout)
}

// A token cancels calls. One that was never fired serves the next call.
type token struct {
	handle uint64
	fire   func() // once the context has ended
	ctx    context.Context
	timed  bool // the library knows the context's deadline
}

var tokens = sync.Pool{New: func() any { return newToken() }}

func newToken() *token {
	f := getFrame()
	defer putFrame(f)
	f.plain(0)
	t := &token{handle: raw.WalpoolTokenOpen(f.Frame)}
	t.fire = t.onDone
	if t.handle != 0 {
		runtime.AddCleanup(t, raw.WalpoolTokenClose, t.handle)
	}
	return t
}

// onDone cancels, but leaves a deadline to the library: it ends the call
// within a millisecond, and says where the time went.
func (t *token) onDone() {
	if !t.timed || !errors.Is(t.ctx.Err(), context.DeadlineExceeded) {
		cancel(t.handle)
	}
	runtime.KeepAlive(t)
}

func cancel(handle uint64) {
	f := getFrame()
	defer putFrame(f)
	f.plain(0)
	raw.WalpoolCancel(handle, f.Frame)
}
