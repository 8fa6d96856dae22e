package walpool

import "context"

// ReadTx reads from one snapshot of the database. It ends with the function of
// [DB.Read]; then its methods give [ErrClosed], and so does Next of its Rows
// that were not closed. Calls on it by several goroutines at once give
// [ErrBusy] to the later ones.
type ReadTx struct{ lease *lease }

// Read calls fn with a reader on one snapshot, the newest at this time:
// whatever is committed meanwhile, all queries of fn see the same.
//
// It returns fn's error, or its own when no reader was to be had before the
// deadline. It calls walpool_acquire and walpool_release.
func (db *DB) Read(ctx context.Context, fn func(tx *ReadTx) error) error {
	if fn == nil {
		return errNilFunction()
	}
	l, err := db.acquire(ctx, kindRead)
	if err != nil {
		return err
	}
	ended := false
	defer func() {
		if !ended { // fn panicked or called Goexit
			l.end(func() error { return nil })
		}
	}()
	err = fn(&ReadTx{l})
	ended = true
	return l.end(func() error { return err })
}

func errNilFunction() error { return errorf(ErrMisuse, "the function is nil") }

// Query runs one statement that does not write; see [DB.Query].
func (tx *ReadTx) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	return tx.lease.target().query(ctx, text(sql), args)
}

// QueryRow is Query for the first row; see [DB.QueryRow].
func (tx *ReadTx) QueryRow(ctx context.Context, sql string, args ...any) *Row {
	return tx.lease.target().queryRow(ctx, text(sql), args)
}

// Fresh goes on to the newest snapshot: what was committed before the call is
// seen after it. Rows of the old one must have been read to their end or closed;
// otherwise it is [ErrBusy], and the old one stays. It calls walpool_begin.
func (tx *ReadTx) Fresh(ctx context.Context) error {
	return tx.lease.nested(func() error { return tx.lease.begin(ctx) })
}

// target makes the lease one that statements run on.
func (l *lease) target() *target { return &target{db: l.db, lease: l} }

// WriteTx is a write transaction. It ends with the function of [DB.Write];
// then its methods give [ErrClosed]. Calls on it by several goroutines at once
// give [ErrBusy] to the later ones.
type WriteTx struct {
	lease *lease
	ctx   context.Context
}

// Write calls fn in a write transaction (BEGIN IMMEDIATE). It commits when fn
// returns nil, and rolls back when fn returns an error, panics, or the context
// has ended. Rows that fn left open are closed.
//
//	err := db.Write(ctx, func(tx *walpool.WriteTx) error {
//		if _, err := tx.Exec(ctx, "UPDATE account SET sum = sum - ? WHERE id = ?", 5, from); err != nil {
//			return err
//		}
//		_, err := tx.Exec(ctx, "UPDATE account SET sum = sum + ? WHERE id = ?", 5, to)
//		return err
//	})
//
// There is one writer, and writes of fn that do not go through tx wait for it
// in vain, until their deadline. Made with [WriteTx.Context] they fail at once
// with [ErrDeadlock]. [WriteTx.Savepoint] nests.
//
// Write returns fn's error, or its own; [Error.Outcome] says what became of
// the transaction where a commit failed. It calls walpool_acquire,
// walpool_commit, walpool_rollback and walpool_release.
func (db *DB) Write(ctx context.Context, fn func(tx *WriteTx) error) error {
	if fn == nil {
		return errNilFunction()
	}
	l, err := db.acquire(ctx, kindWrite)
	if err != nil {
		return err
	}
	ended := false
	defer func() {
		if !ended { // fn panicked or called Goexit
			l.end(l.rollback)
		}
	}()
	err = fn(&WriteTx{l, ctx})
	ended = true
	return l.end(func() error { return l.conclude(ctx, err) })
}

// conclude commits, or rolls back because of err or of a failed commit.
func (l *lease) conclude(ctx context.Context, err error) error {
	if err == nil {
		err = l.commit(ctx)
	}
	if err != nil {
		l.rollback() // where SQLite has rolled back already, that is an error, and no news
	}
	return err
}

// Context returns the context of Write, marked with the transaction: a write
// to the same database that is made with it, and not through tx, fails with
// [ErrDeadlock] instead of waiting for itself.
func (tx *WriteTx) Context() context.Context {
	c := carriedBy(tx.ctx)
	c.tx = tx.lease
	return context.WithValue(tx.ctx, carriedKey{}, &c)
}

// Query runs one statement, which may write and have RETURNING, in the
// transaction; see [DB.Query].
func (tx *WriteTx) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	return tx.lease.target().query(ctx, text(sql), args)
}

// QueryRow is Query for the first row; see [DB.QueryRow]. A statement that
// writes is carried out for all its rows.
func (tx *WriteTx) QueryRow(ctx context.Context, sql string, args ...any) *Row {
	return tx.lease.target().queryRow(ctx, text(sql), args)
}

// Exec runs one statement in the transaction; see [DB.Exec]. A statement that
// fails is undone by itself, and the transaction goes on; only when SQLite had
// to undo all of it (the disk is full, a write was canceled while it ran) has
// it ended, and the error says so.
func (tx *WriteTx) Exec(ctx context.Context, sql string, args ...any) (Result, error) {
	return tx.lease.target().exec(ctx, 0, text(sql), args)
}

// ExecExpect is Exec for a statement that must change exactly so many rows. With
// any other number it is undone by itself, and the transaction goes on; see
// [DB.ExecExpect].
func (tx *WriteTx) ExecExpect(ctx context.Context, changes int64, sql string, args ...any) (Result, error) {
	return tx.lease.target().execExpect(ctx, changes, text(sql), args)
}

// Script runs the statements of a text; see [DB.Script].
func (tx *WriteTx) Script(ctx context.Context, sql string) error {
	_, err := tx.lease.target().exec(ctx, callScript, text(sql), nil)
	return err
}

// Savepoint calls fn in a nested transaction, with the same tx. What fn did is
// kept when it returns nil, and undone by itself when it returns an error,
// which Savepoint returns, or panics. Savepoints nest.
//
// It calls walpool_savepoint, walpool_commit and walpool_rollback.
func (tx *WriteTx) Savepoint(fn func(tx *WriteTx) error) error {
	if fn == nil {
		return errNilFunction()
	}
	l := tx.lease
	if err := l.nested(l.savepoint); err != nil {
		return err
	}
	ended := false
	defer func() {
		if !ended {
			l.nested(l.rollback)
		}
	}()
	err := fn(tx)
	ended = true
	return l.nested(func() error { return l.conclude(context.WithoutCancel(tx.ctx), err) })
}

// nested makes a call that changes the snapshot or the nesting.
func (l *lease) nested(do func() error) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return do()
}
