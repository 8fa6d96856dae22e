package walpool

import (
	"cmp"
	"context"
	"math"
	"runtime"

	"github.com/walpool/walpool/bindings/go/walpool/internal/raw"
)

// A target is what a statement runs on: the readers of a database, its writer,
// or the lease of a transaction.
type target struct {
	db    *DB
	lease *lease
	write bool

	missing string // what is nil where db is: the database, if ""
}

// A source is the SQL of a call: a text, or a prepared statement.
type source struct {
	sql  string
	stmt *Stmt
}

func text(sql string) source { return source{sql: sql} }

// Result tells what a statement changed.
type Result struct {
	Changes   int64 // rows inserted, updated or deleted
	LastRowID int64 // of the last INSERT of this connection, or 0
}

// run makes the crossing, and again with more room while the answer is too
// large for the frame: then nothing was applied.
func (t *target) run(f *frame) {
	for {
		switch {
		case t.lease != nil:
			t.lease.run(f)
		case t.write:
			raw.WalpoolWrite(t.db.handle, f.Frame)
		default:
			raw.WalpoolRead(t.db.handle, f.Frame)
		}
		if !f.short() || !f.enlarge() {
			break
		}
	}
	runtime.KeepAlive(t.db)
}

// short reports whether the room was too small for the answer.
func (f *frame) short() bool {
	return f.Error.Status == int32(ErrTooBig) && f.Error.SQLiteCode == 0
}

func (t *target) begin(ctx context.Context, c *call) error {
	if t.db == nil {
		return errorf(ErrMisuse, "the %s is nil", cmp.Or(t.missing, "database"))
	}
	if t.write {
		return c.beginWrite(ctx, t.db)
	}
	err := c.begin(ctx)
	if t.lease != nil {
		c.flags = 0 // durability is the commit's
	}
	return err
}

// statement writes a request of one statement with its arguments.
func statement(f *frame, c *call, flags uint32, shape uint64, s source, args []any) error {
	at, err := f.statement(c, flags, shape, s)
	if err != nil {
		return err
	}
	return addParams(f, at, args)
}

// statement writes a request of one statement without its arguments. A request
// has no place for an empty text; a blank is the same to SQLite.
func (f *frame) statement(c *call, flags uint32, shape uint64, s source) (at int, err error) {
	switch {
	case s.stmt != nil:
		at = f.request(c, flags, shape, "")
		f.prepared(at, s.stmt.handle)
		return at, nil
	case len(s.sql) > math.MaxInt32:
		return 0, errorf(ErrTooBig, "the SQL text has %d bytes", len(s.sql))
	case s.sql == "":
		s.sql = " "
	}
	return f.request(c, flags, shape, s.sql), nil
}

// query runs a statement and returns its rows.
func (t *target) query(ctx context.Context, s source, args []any) (*Rows, error) {
	var c call
	if err := t.begin(ctx, &c); err != nil {
		return nil, err
	}
	known := s.columns(t.db)
	flags, shape := uint32(callNames), uint64(0)
	if known != nil {
		flags, shape = 0, known.shape
	}
	f := getFrame()
	f.start()
	err := statement(f, &c, flags, shape, s, args)
	if err == nil {
		f.seal(leastRoom)
		t.run(f)
		runtime.KeepAlive(s.stmt)
		err = c.failed(f)
	}
	if err != nil {
		c.end()
		putFrame(f)
		return nil, err
	}
	return newRows(t, &c, f, s, known), nil
}

// queryRow runs a statement for its first row.
func (t *target) queryRow(ctx context.Context, s source, args []any) *Row {
	var c call
	if err := t.begin(ctx, &c); err != nil {
		return &Row{err: err}
	}
	defer c.end()
	f := getFrame()
	f.start()
	err := statement(f, &c, callFirst, 0, s, args)
	if err == nil {
		f.seal(leastRoom)
		t.run(f)
		runtime.KeepAlive(s.stmt)
		err = c.failed(f)
	}
	if err != nil {
		putFrame(f)
		return &Row{err: err}
	}
	return firstRow(&c, f)
}

// firstRow takes over the frame, and fetches the large values at once: a
// single row keeps no reader.
func firstRow(c *call, f *frame) *Row {
	block := f.room()
	h := layout[header](block)
	if h.rows == 0 {
		putFrame(f)
		return &Row{err: ErrNoRows}
	}
	r := &Row{block: block, frame: f, cells: cellsOf(block, rowsHeader, int(h.columns))}
	if h.cursor == 0 {
		return r
	}
	defer closeCursor(h.cursor)
	if h.flags&rowsLarge != 0 {
		r.err = r.fetchAll(c, h.cursor)
	}
	return r
}

func (r *Row) fetchAll(c *call, cursor uint64) error {
	r.large = make(map[int][]byte)
	for i := range r.cells {
		if r.cells[i].kind&largeFlag == 0 {
			continue
		}
		b, err := large(c, cursor, i, r.cells[i].length)
		if err != nil {
			return err
		}
		r.large[i] = b
	}
	return nil
}

// large copies a large value straight into a slice of its own.
func large(c *call, cursor uint64, column int, length uint32) ([]byte, error) {
	b := make([]byte, length)
	f := getFrame()
	defer putFrame(f)
	f.plain(0)
	raw.WalpoolCursorValue(cursor, int64(column), 0, b, f.Frame)
	return b, c.failed(f)
}

// exec runs a statement for what it changes.
func (t *target) exec(ctx context.Context, flags uint32, s source, args []any) (Result, error) {
	var c call
	if err := t.begin(ctx, &c); err != nil {
		return Result{}, err
	}
	defer c.end()
	f := getFrame()
	defer func() { putFrame(f) }()
	f.start()
	if err := statement(f, &c, flags, 0, s, args); err != nil {
		return Result{}, err
	}
	defer runtime.KeepAlive(s.stmt)
	return t.finish(&c, f)
}

func (t *target) execExpect(ctx context.Context, changes int64, s source, args []any) (Result, error) {
	if ctx == nil {
		return Result{}, errNilContext()
	}
	return t.exec(withExpect(ctx, changes), 0, s, args)
}

// finish runs the request in the frame and reads what it changed.
func (t *target) finish(c *call, f *frame) (Result, error) {
	f.seal(leastRoom)
	t.run(f)
	if err := c.failed(f); err != nil {
		return Result{}, err
	}
	h := layout[header](f.room())
	if h.cursor != 0 {
		closeCursor(h.cursor)
	}
	return Result{Changes: h.changes, LastRowID: h.lastRowID}, nil
}
