package walpool

import (
	"iter"
	"runtime"

	"github.com/walpool/walpool/bindings/go/walpool/internal/raw"
)

// Rows is the result of a query. A short one is in memory as a whole when the
// query returns; of a longer one it holds a block of rows at a time, and
// a reader with its snapshot until the last block was fetched or Close.
//
//	rows, err := db.Query(ctx, "SELECT id, name FROM user")
//	if err != nil {
//		return err
//	}
//	defer rows.Close()
//	for rows.Next() {
//		var id int64
//		var name string
//		if err := rows.Scan(&id, &name); err != nil {
//			return err
//		}
//	}
//	return rows.Err()
//
// [Collect] and [CollectStructs] do this loop. One goroutine at a time may use
// a Rows. The context of the query counts until its end: when it is canceled,
// Next stops at the end of the block that is in memory.
type Rows struct {
	row   Row
	frame *frame
	cells []cell // of the block
	width int    // cells of a row
	count int    // rows of the block
	next  int    // row that Next goes to
	total int    // rows of the blocks before
	names *columns
	res   Result

	db      *DB
	lease   *lease // of the transaction, or nil
	call    call
	cursor  uint64 // rest of the rows, or 0
	cleanup runtime.Cleanup
	err     error
}

// header is the beginning of a block of rows.
type header struct {
	_, flags, columns, rows             uint32
	arenaStart, arenaEnd, shape, cursor uint64
	changes, lastRowID                  int64
}

// newRows takes over the frame, whose room holds the first block.
func newRows(t *target, c *call, f *frame, s source, known *columns) *Rows {
	rs := &Rows{frame: f, db: t.db, lease: t.lease, call: *c}
	rs.call.forget()
	h := rs.load()
	rs.res = Result{Changes: h.changes, LastRowID: h.lastRowID}
	rs.names = known
	if h.flags&rowsNames != 0 || known == nil {
		rs.names = rs.columns(h, s)
	}
	if h.cursor != 0 {
		rs.hold(h.cursor)
	} else {
		rs.call.end()
	}
	return rs
}

// load takes the block in the frame's room as the current one.
func (rs *Rows) load() *header {
	block := rs.frame.room()
	h := layout[header](block)
	at := rowsHeader
	if h.flags&rowsNames != 0 {
		at += int(h.columns) * cellBytes
	}
	rs.total += rs.count
	rs.width, rs.count, rs.next = int(h.columns), int(h.rows), 0
	rs.cells = cellsOf(block, at, rs.count*rs.width)
	rs.row = Row{rows: rs, block: block, err: rs.row.err}
	return h
}

// hold keeps the cursor; should the Rows be lost, the collector closes it.
func (rs *Rows) hold(cursor uint64) {
	rs.cursor = cursor
	rs.cleanup = runtime.AddCleanup(rs, closeCursor, cursor)
	if rs.lease != nil {
		rs.lease.opened(cursor)
	}
}

// release forgets the cursor, which has ended.
func (rs *Rows) release() {
	if rs.cursor == 0 {
		return
	}
	rs.cleanup.Stop()
	if rs.lease != nil {
		rs.lease.ended(rs.cursor)
	}
	rs.cursor = 0
	rs.call.end()
}

func closeCursor(cursor uint64) {
	f := getFrame()
	defer putFrame(f)
	f.plain(0)
	raw.WalpoolCursorClose(cursor, f.Frame)
}

// Next goes to the next row, the first one to begin with, and reports whether
// there is one. After the last row, and after an error, it closes the Rows.
func (rs *Rows) Next() bool {
	if rs.row.err != nil {
		rs.Close()
		return false
	}
	if rs.next >= rs.count && !rs.fetch() {
		return false
	}
	at := rs.next * rs.width
	rs.row.cells = rs.cells[at : at+rs.width : at+rs.width]
	rs.next++
	return true
}

// fetch gets the next block that has rows.
func (rs *Rows) fetch() bool {
	for rs.cursor != 0 {
		if err := rs.advance(); err != nil {
			rs.fail(err)
			return false
		}
		if rs.count > 0 {
			return true
		}
	}
	rs.Close()
	return false
}

func (rs *Rows) fail(err error) {
	if rs.err == nil {
		rs.err = err
	}
	rs.Close()
}

// advance fetches one block into a large frame.
func (rs *Rows) advance() error {
	if len(rs.frame.mem) < largeFrame {
		putFrame(rs.frame)
		rs.frame = getLargeFrame()
	}
	f := rs.frame
	f.start()
	rs.call.again()
	f.request(&rs.call, 0, 0, "")
	f.seal(leastRoom)
	for {
		if rs.lease != nil {
			rs.lease.mu.RLock()
		}
		raw.WalpoolCursorNext(rs.cursor, f.Frame)
		if rs.lease != nil {
			rs.lease.mu.RUnlock()
		}
		if !f.short() || !f.enlarge() {
			break
		}
	}
	if err := rs.call.failed(f); err != nil {
		rs.count, rs.next = 0, 0
		return err
	}
	if h := rs.load(); h.cursor == 0 {
		rs.release()
	}
	return nil
}

// Row returns the current row. It changes with Next.
func (rs *Rows) Row() *Row { return &rs.row }

// Scan copies the columns of the current row; see [Row.Scan].
func (rs *Rows) Scan(dest ...any) error { return rs.row.Scan(dest...) }

// Columns returns the names of the columns.
func (rs *Rows) Columns() []string { return append([]string(nil), rs.names.names...) }

// Result returns what the statement changed, for one with RETURNING.
func (rs *Rows) Result() Result { return rs.res }

// Err returns the error that ended Next early, or nil.
func (rs *Rows) Err() error {
	if rs.err == nil {
		return rs.row.err
	}
	return rs.err
}

// Close ends the result and gives its reader back. It may be called at any
// time, and again; after the last row Next has done it.
func (rs *Rows) Close() error {
	if rs.cursor != 0 {
		cursor := rs.cursor
		rs.release()
		closeCursor(cursor)
	}
	if rs.frame != nil {
		putFrame(rs.frame)
		rs.frame = nil
		rs.cells, rs.count, rs.next = nil, 0, 0
		rs.row = Row{rows: rs, err: rs.row.err}
	}
	return nil
}

// All returns an iterator over the rows, for one loop; it closes the Rows.
// The row is valid until the next one. An error comes last, with a nil row.
func (rs *Rows) All() iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		defer rs.Close()
		for rs.Next() {
			if !yield(&rs.row, nil) {
				return
			}
		}
		if err := rs.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// fetchLarge copies a large value of the current row.
func (rs *Rows) fetchLarge(column int, c *cell) ([]byte, error) {
	b, err := large(&rs.call, rs.cursor, column, c.length)
	runtime.KeepAlive(rs)
	return b, err
}
