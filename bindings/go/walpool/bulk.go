package walpool

import (
	"context"
	"iter"
	"runtime"
)

const (
	bulkRows  = 1024    // parameter rows of one crossing, at most,
	bulkCells = 1 << 14 // and parameters of all of them,
	bulkBytes = 1 << 20 // and about the bytes of the block
)

// ExecMany runs one statement once for each list of args, in one transaction
// of its own: all of it is committed, or nothing.
//
//	rows := [][]any{{1, "one"}, {2, "two"}}
//	res, err := db.ExecMany(ctx, "INSERT INTO t VALUES (?, ?)", slices.Values(rows))
//
// Changes is the sum. Up to a thousand rows travel at a time, and the sequence
// may use a list again for its next row. A longer sequence is read while the
// transaction is open, so it must not write to the database itself.
func (db *DB) ExecMany(ctx context.Context, sql string, args iter.Seq[[]any]) (Result, error) {
	b := bulk{t: db.writer(), ctx: ctx, from: text(sql)}
	return b.run(args)
}

// ExecMany runs one statement once for each list of args, all or nothing; see
// [DB.ExecMany].
func (tx *WriteTx) ExecMany(ctx context.Context, sql string, args iter.Seq[[]any]) (Result, error) {
	b := bulk{t: tx.lease.target(), ctx: ctx, from: text(sql)}
	return b.run(args)
}

// bulk sends rows of parameters block by block. Before the second block it
// opens a transaction, or a savepoint where there is one; a single block is
// atomic by itself.
type bulk struct {
	t      *target
	ctx    context.Context
	from   source
	c      call
	f      *frame
	at     int // of the request
	p      params
	res    Result
	own    *lease // transaction that this opened
	nested bool   // it opened a savepoint
}

func (b *bulk) run(args iter.Seq[[]any]) (Result, error) {
	if args == nil {
		return Result{}, errorf(ErrMisuse, "the sequence of parameters is nil")
	}
	if err := b.t.begin(b.ctx, &b.c); err != nil {
		return Result{}, err
	}
	defer b.c.end()
	b.f = getLargeFrame()
	defer func() { putFrame(b.f) }()
	ended := false
	defer func() {
		if !ended { // the sequence panicked or called Goexit
			b.conclude(errorf(ErrCanceled, "the sequence panicked"))
		}
	}()
	err := b.collect(args)
	ended = true
	if err = b.conclude(err); err != nil {
		return Result{}, err
	}
	return b.res, nil
}

func (b *bulk) collect(args iter.Seq[[]any]) error {
	for row := range args {
		if b.full() {
			if err := b.open(); err != nil {
				return err
			}
			if err := b.send(); err != nil {
				return err
			}
		}
		if err := b.add(row); err != nil {
			return err
		}
	}
	if b.p.rows == 0 {
		return nil
	}
	return b.send()
}

func (b *bulk) full() bool {
	return b.p.rows > 0 && (b.p.rows == b.p.room || b.f.used-b.p.begin > bulkBytes)
}

func (b *bulk) add(row []any) error {
	if b.p.rows == 0 {
		if err := b.start(row); err != nil {
			return err
		}
	}
	return b.p.row(row)
}

// start begins a block whose rows are like this one.
func (b *bulk) start(row []any) error {
	room := min(bulkRows, bulkCells/max(len(row), 1)+1)
	before := b.p.before
	b.f.start()
	b.c.again()
	at, err := b.f.statement(&b.c, 0, 0, b.from)
	if err != nil {
		return err
	}
	b.at = at
	p, err := beginParams(b.f, row, room)
	p.before = before
	b.p = p
	return err
}

// send runs the statement for the rows of the block.
func (b *bulk) send() error {
	b.p.finish(b.at)
	res, err := b.t.finish(&b.c, b.f)
	runtime.KeepAlive(b.from.stmt)
	b.res.Changes += res.Changes
	b.res.LastRowID = res.LastRowID
	b.p.before += b.p.rows
	b.p.rows = 0
	return err
}

// open makes what is already there and what follows one unit.
func (b *bulk) open() error {
	switch {
	case b.own != nil || b.nested:
		return nil
	case b.c.once != "" || b.c.expect != nil:
		return errorf(ErrMisuse, "%d rows of parameters and more are no single write, which a once key "+
			"needs: make it several, with a key each", b.p.rows+1)
	}
	b.c.forget()
	b.f.inLease(b.at)
	return b.openTransaction()
}

func (b *bulk) openTransaction() error {
	switch {
	case b.t.lease != nil:
		err := b.t.lease.nested(b.t.lease.savepoint)
		b.nested = err == nil
		return err
	}
	l, err := b.t.db.acquire(b.ctx, kindWrite)
	if err == nil {
		b.own, b.t = l, l.target()
	}
	return err
}

// conclude commits or rolls back what open opened.
func (b *bulk) conclude(err error) error {
	finish := func() error { return b.t.lease.conclude(b.ctx, err) }
	switch {
	case b.own != nil:
		return b.own.end(finish)
	case b.nested:
		return b.t.lease.nested(finish)
	}
	return err
}
