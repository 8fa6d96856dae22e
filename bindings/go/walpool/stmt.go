package walpool

import (
	"context"
	"encoding/json"
	"iter"
	"runtime"
	"sync/atomic"

	"github.com/walpool/walpool/bindings/go/walpool/internal/raw"
)

// Stmt is a prepared statement: one that is run often, whose text is not copied,
// hashed and compared each time. [DB.Prepare] makes it.
//
// Its methods are those of the database without the SQL; [ReadTx.Stmt] and
// [WriteTx.Stmt] run it in a transaction, and [Statement] in a batch. Any number
// of goroutines may use it at once. It survives changes of the schema.
type Stmt struct {
	db      *DB
	handle  uint64
	about   stmtAbout
	columns atomic.Pointer[columns]
	cleanup runtime.Cleanup
}

type stmtAbout struct {
	ReadOnly   bool      `json:"readonly"`
	Parameters []*string `json:"parameters"`
	Columns    []string  `json:"columns"`
}

// Prepare prepares a statement. What is wrong with it is an error now: it is
// checked on a reader, by what is committed. BEGIN and the like are [ErrRefused].
//
//	byID, err := db.Prepare(ctx, "SELECT name FROM user WHERE id = ?")
//	...
//	err = byID.QueryRow(ctx, 7).Scan(&name)
//
// Close ends it; one that is lost is closed by the collector. It does not keep
// the database open. Errors: [ErrSQL], [ErrRefused], [ErrEncoding], [ErrTimeout],
// [ErrCanceled], [ErrClosed] and others. It calls walpool_prepare.
func (db *DB) Prepare(ctx context.Context, sql string) (*Stmt, error) {
	t := db.reader()
	var c call
	if err := t.begin(ctx, &c); err != nil {
		return nil, err
	}
	defer c.end()
	c.forget()
	f := getFrame()
	defer func() { putFrame(f) }()
	f.start()
	if _, err := f.statement(&c, 0, 0, text(sql)); err != nil {
		return nil, err
	}
	f.seal(0)
	handle := raw.WalpoolPrepare(db.handle, f.Frame)
	runtime.KeepAlive(db)
	if err := c.failed(f); err != nil {
		return nil, err
	}
	s := &Stmt{db: db, handle: handle}
	s.cleanup = runtime.AddCleanup(s, raw.WalpoolPreparedClose, handle)
	return s, s.describe()
}

// describe asks for what Columns and the like tell.
func (s *Stmt) describe() error {
	about, err := textFrom(s.handle, raw.WalpoolPreparedJson)
	if err == nil {
		err = json.Unmarshal(about, &s.about)
	}
	return err
}

// Close ends the statement. Calls that run it go on, later ones give [ErrClosed].
// Closing again does nothing. It calls walpool_prepared_close.
func (s *Stmt) Close() error {
	if s == nil {
		return errorf(ErrMisuse, "the statement is nil")
	}
	s.cleanup.Stop()
	raw.WalpoolPreparedClose(s.handle)
	return nil
}

// ReadOnly reports whether it leaves the database as it is: then Query runs it.
func (s *Stmt) ReadOnly() bool { return s.about.ReadOnly }

// Columns returns the names of its columns, as they were when it was prepared.
func (s *Stmt) Columns() []string { return append([]string(nil), s.about.Columns...) }

// Parameters returns the names of its parameters as in the text, such as ":id",
// and "" for one without.
func (s *Stmt) Parameters() []string {
	names := make([]string, len(s.about.Parameters))
	for i, name := range s.about.Parameters {
		if name != nil {
			names[i] = *name
		}
	}
	return names
}

// from returns what a call runs; that of a nil Stmt is refused by its database.
func (s *Stmt) from() source { return source{stmt: s} }

func (s *Stmt) reader() *target {
	if s == nil {
		return &target{missing: "statement"}
	}
	return s.db.reader()
}

func (s *Stmt) writer() *target {
	t := s.reader()
	t.write = true
	return t
}

// Query runs it on a reader and returns its rows; see [DB.Query].
func (s *Stmt) Query(ctx context.Context, args ...any) (*Rows, error) {
	return s.reader().query(ctx, s.from(), args)
}

// QueryRow is Query for the first row; see [DB.QueryRow].
func (s *Stmt) QueryRow(ctx context.Context, args ...any) *Row {
	return s.reader().queryRow(ctx, s.from(), args)
}

// Exec runs it in a write transaction of its own; see [DB.Exec].
func (s *Stmt) Exec(ctx context.Context, args ...any) (Result, error) {
	return s.writer().exec(ctx, 0, s.from(), args)
}

// ExecExpect is Exec for a statement that must change exactly so many rows; see
// [DB.ExecExpect].
func (s *Stmt) ExecExpect(ctx context.Context, changes int64, args ...any) (Result, error) {
	return s.writer().execExpect(ctx, changes, s.from(), args)
}

// ExecReturning is Exec for a statement with RETURNING; see [DB.ExecReturning].
func (s *Stmt) ExecReturning(ctx context.Context, args ...any) (*Rows, error) {
	return s.writer().query(ctx, s.from(), args)
}

// ExecReturningRow is ExecReturning for the first row; see
// [DB.ExecReturningRow].
func (s *Stmt) ExecReturningRow(ctx context.Context, args ...any) *Row {
	return s.writer().queryRow(ctx, s.from(), args)
}

// ExecMany runs it once for each list of args, in one transaction; see
// [DB.ExecMany].
func (s *Stmt) ExecMany(ctx context.Context, args iter.Seq[[]any]) (Result, error) {
	b := bulk{t: s.writer(), ctx: ctx, from: s.from()}
	return b.run(args)
}

// A TxStmt is a prepared statement in a transaction, and ends with that.
type TxStmt struct {
	t *target
	s *Stmt
}

// Stmt returns the statement as one that runs on the transaction's snapshot.
func (tx *ReadTx) Stmt(s *Stmt) *TxStmt { return txStmt(tx.lease, s) }

// Stmt returns the statement as one that runs in the transaction.
func (tx *WriteTx) Stmt(s *Stmt) *TxStmt { return txStmt(tx.lease, s) }

func txStmt(l *lease, s *Stmt) *TxStmt {
	if s == nil {
		return &TxStmt{&target{missing: "statement"}, nil}
	}
	return &TxStmt{l.target(), s}
}

// Query runs it and returns its rows; see [DB.Query]. In a [WriteTx] it may write
// and have RETURNING.
func (ts *TxStmt) Query(ctx context.Context, args ...any) (*Rows, error) {
	return ts.t.query(ctx, ts.s.from(), args)
}

// QueryRow is Query for the first row; see [DB.QueryRow].
func (ts *TxStmt) QueryRow(ctx context.Context, args ...any) *Row {
	return ts.t.queryRow(ctx, ts.s.from(), args)
}

// Exec runs it; see [WriteTx.Exec].
func (ts *TxStmt) Exec(ctx context.Context, args ...any) (Result, error) {
	return ts.t.exec(ctx, 0, ts.s.from(), args)
}

// ExecExpect is Exec for a statement that must change exactly so many rows; see
// [WriteTx.ExecExpect].
func (ts *TxStmt) ExecExpect(ctx context.Context, changes int64, args ...any) (Result, error) {
	return ts.t.execExpect(ctx, changes, ts.s.from(), args)
}

// ExecMany runs it once for each list of args, all or nothing; see [DB.ExecMany].
func (ts *TxStmt) ExecMany(ctx context.Context, args iter.Seq[[]any]) (Result, error) {
	b := bulk{t: ts.t, ctx: ctx, from: ts.s.from()}
	return b.run(args)
}
