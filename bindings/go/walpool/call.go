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
	flags   uint32
	once    string // "": none
	expect  *int64 // rows to be changed
	cancel  *token
	stop    func() bool
}

// carried is what a context holds for this package.
type carried struct {
	why    string
	tx     *lease
	noWait bool
	flags  uint32
	once   *string
	expect *int64
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

// WithDurability makes the writes with the returned context as durable as it
// says, whatever the database's [Options.Durability]; for [DB.Write] that is
// the transaction's commit. Reads with [DurabilityFull] answer when all that
// they saw is on the disk: without it they may see a commit that a power cut
// undoes.
func WithDurability(ctx context.Context, d Durability) context.Context {
	c := carriedBy(ctx)
	c.flags = callNormal
	if d == DurabilityFull {
		c.flags = callDurable
	}
	return context.WithValue(ctx, carriedKey{}, &c)
}

// WithOnceKey names one write of its own ([DB.Exec], [DB.Batch] and the like),
// so that it can be made again when its outcome is [OutcomeUnknown], or by
// another process: it is applied once, and answered again as it was the first
// time.
//
// The key has 1 to 255 bytes and belongs to this one write for
// [Options.OnceKeep]: with another statement or other values it is [ErrMisuse],
// and so is a transaction ([DB.Write]) with such a context.
func WithOnceKey(ctx context.Context, key string) context.Context {
	c := carriedBy(ctx)
	c.once = &key
	return context.WithValue(ctx, carriedKey{}, &c)
}

// withExpect has a statement change exactly so many rows.
func withExpect(ctx context.Context, changes int64) context.Context {
	c := carriedBy(ctx)
	c.expect = &changes
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
		if err := c.carry(held); err != nil {
			return err
		}
	}
	if ctx.Done() == nil {
		return nil
	}
	return c.arm()
}

func (c *call) carry(held *carried) error {
	c.why, c.flags = held.why, held.flags
	if held.noWait {
		c.timeout = 0
	}
	if c.expect = held.expect; c.expect != nil && *c.expect < 0 {
		return errNegative(*c.expect)
	}
	if held.once == nil {
		return nil
	}
	if c.once = *held.once; c.once == "" || len(c.once) > longestKey {
		return errorf(ErrMisuse, "once_key has %d bytes; give it 1 to %d", len(c.once), longestKey)
	}
	return nil
}

func errNegative(expect int64) error {
	return errorf(ErrMisuse, "expect is %d; it is a number of rows, 0 or more", expect)
}

// forget drops what holds for the first crossing of a call only.
func (c *call) forget() { c.flags, c.once, c.expect = 0, "", nil }

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

const (
	longestTimeout = 86_400_000 // milliseconds; the library takes no longer one
	longestKey     = 255
)

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
