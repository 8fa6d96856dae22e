package walpool

import (
	"math"
)

// A Row is one row of a result: what [DB.QueryRow] returns, and what [Collect]
// and [Rows.All] hand to their functions. It is valid until the next row.
//
// The methods with a column number are the fast way to read it. A value that
// does not fit, NULL included, gives zero and is remembered: Err tells it, and
// so do [Rows.Err], Collect and Scan.
//
// INTEGER is int64, REAL float64, TEXT string, BLOB []byte. Between them only
// conversions that lose nothing are made: INTEGER and REAL where the number is
// the same, TEXT and BLOB byte by byte, and 0 and 1 to bool.
//
// One goroutine at a time may use a Row.
type Row struct {
	cells  []cell // of this row
	block  []byte // in which TEXT and BLOB stand
	text   string // copy of the block's arena, or "" while there is none
	start  uint64 // where in the block text begins
	shared int8   // 0: not decided, 1: texts share one copy, -1: each has its own

	rows  *Rows          // nil for QueryRow
	large map[int][]byte // QueryRow's large values
	frame *frame         // QueryRow's, until Scan
	err   error
}

// Len returns the number of columns.
func (r *Row) Len() int { return len(r.cells) }

// Err returns the first error of this row, or [ErrNoRows] where [DB.QueryRow]
// found none.
func (r *Row) Err() error { return r.err }

// Int64 returns an INTEGER.
func (r *Row) Int64(column int) int64 {
	if uint(column) < uint(len(r.cells)) && r.cells[column].kind == typeInteger {
		return int64(r.cells[column].bits)
	}
	return r.slowInt64(column)
}

// Float64 returns a REAL.
func (r *Row) Float64(column int) float64 {
	if uint(column) < uint(len(r.cells)) && r.cells[column].kind == typeReal {
		return math.Float64frombits(r.cells[column].bits)
	}
	return r.slowFloat64(column)
}

// Text returns a TEXT. The short texts of a large result share one piece of
// memory, at most 32 KiB; [strings.Clone] what you keep from a long scan.
func (r *Row) Text(column int) string {
	if uint(column) < uint(len(r.cells)) && r.shared > 0 {
		if c := &r.cells[column]; c.kind == typeText {
			at := c.bits - r.start
			return r.text[at : at+uint64(c.length)]
		}
	}
	return r.slowText(column)
}

// Bytes returns a BLOB as a slice of its own; NULL is nil, and an empty BLOB
// is not.
func (r *Row) Bytes(column int) []byte {
	c := r.cell(column)
	switch {
	case c == nil || c.kind == typeNull:
		return nil
	case c.kind&^largeFlag != typeBlob && c.kind&^largeFlag != typeText:
		r.misfit(column, "[]byte")
		return nil
	}
	return r.bytes(column, c)
}

// Bool returns an INTEGER that is 0 or 1.
func (r *Row) Bool(column int) bool {
	c := r.cell(column)
	if c == nil {
		return false
	}
	if c.kind != typeInteger || c.bits > 1 {
		r.misfit(column, "bool")
	}
	return c.kind == typeInteger && c.bits == 1
}

// IsNull reports whether the value is NULL.
func (r *Row) IsNull(column int) bool {
	c := r.cell(column)
	return c != nil && c.kind == typeNull
}

// Any returns the value as nil, int64, float64, string or []byte.
func (r *Row) Any(column int) any {
	c := r.cell(column)
	if c == nil {
		return nil
	}
	switch c.kind &^ largeFlag {
	case typeInteger:
		return int64(c.bits)
	case typeReal:
		return math.Float64frombits(c.bits)
	case typeText:
		return r.Text(column)
	case typeBlob:
		return r.bytes(column, c)
	}
	return nil
}

// cell returns one cell, or nil and an error where there is none.
func (r *Row) cell(column int) *cell {
	if uint(column) < uint(len(r.cells)) {
		return &r.cells[column]
	}
	if len(r.cells) == 0 {
		r.fail(errorf(ErrMisuse, "there is no row: Next was not called or returned false, or the row was scanned or closed"))
	} else {
		r.fail(errorf(ErrMisuse, "column %d: there are %d, counted from 0", column, len(r.cells)))
	}
	return nil
}

func (r *Row) slowInt64(column int) int64 {
	c := r.cell(column)
	if c == nil {
		return 0
	}
	switch c.kind {
	case typeInteger:
		return int64(c.bits)
	case typeReal:
		f := math.Float64frombits(c.bits)
		if f >= -1<<63 && f < 1<<63 && f == math.Trunc(f) {
			return int64(f)
		}
	}
	r.misfit(column, "int64")
	return 0
}

func (r *Row) slowFloat64(column int) float64 {
	c := r.cell(column)
	if c == nil {
		return 0
	}
	switch c.kind {
	case typeReal:
		return math.Float64frombits(c.bits)
	case typeInteger:
		v := int64(c.bits)
		if f := float64(v); f < 1<<63 && int64(f) == v {
			return f
		}
	}
	r.misfit(column, "float64")
	return 0
}

func (r *Row) slowText(column int) string {
	c := r.cell(column)
	switch {
	case c == nil:
		return ""
	case c.kind&largeFlag != 0:
		return owned(r.bytes(column, c))
	case c.kind == typeText:
		if r.shared == 0 {
			r.share()
			if r.shared > 0 {
				return r.Text(column)
			}
		}
		return string(r.inline(c))
	case c.kind == typeBlob:
		return string(r.inline(c))
	}
	r.misfit(column, "string")
	return ""
}

// share decides, once a block, whether its arena becomes one string that all
// texts are cut from: with several rows, of which more than half is text.
func (r *Row) share() {
	r.shared = -1
	if r.rows == nil || r.rows.count < 4 {
		return
	}
	var text, all uint64
	for _, c := range r.cells {
		if c.kind == typeText || c.kind == typeBlob {
			all += uint64(c.length)
		}
		if c.kind == typeText {
			text += uint64(c.length)
		}
	}
	if 2*text <= all {
		return
	}
	h := layout[header](r.block)
	r.start, r.text = h.arenaStart, string(r.block[h.arenaStart:h.arenaEnd])
	r.shared = 1
}

// inline lends the bytes of a value that stands in the block.
func (r *Row) inline(c *cell) []byte { return r.block[c.bits : c.bits+uint64(c.length)] }

// bytes returns the bytes of a TEXT or BLOB in a slice of its own.
func (r *Row) bytes(column int, c *cell) []byte {
	if c.kind&largeFlag == 0 {
		return append(make([]byte, 0, c.length), r.inline(c)...)
	}
	if r.rows != nil {
		b, err := r.rows.fetchLarge(column, c)
		r.fail(err)
		return b
	}
	b, ok := r.large[column]
	if !ok {
		r.fail(errorf(ErrMisuse, "column %d: a large value of QueryRow can be taken once", column))
	}
	delete(r.large, column)
	return b
}

func (r *Row) fail(err error) {
	if r.err == nil && err != nil {
		r.err = err
	}
}
