package walpool

import (
	"database/sql"
	"fmt"
	"math"
	"reflect"
	"time"
)

// ErrNoRows is what the row of [DB.QueryRow] holds when there was none. It is
// [sql.ErrNoRows], so that code which looks for that goes on working.
var ErrNoRows = sql.ErrNoRows

// Scan copies the columns of the row into the variables that dest points to,
// one for each column, in order: pointers to any integer, float, string, bool
// or []byte type, to any (nil, int64, float64, string, []byte), to a pointer
// of these (nil for NULL), or a [sql.Scanner] such as *sql.NullString.
//
// A value that does not fit is an error that names the column, and its
// variable stays as it was. NULL fits pointers, []byte, any and scanners.
//
// The row of [DB.QueryRow] can be scanned once.
func (r *Row) Scan(dest ...any) error {
	defer r.done()
	if r.err != nil {
		return r.err
	}
	if len(dest) != len(r.cells) {
		if r.cell(0) == nil {
			return r.take()
		}
		return errorf(ErrMisuse, "%d variables to scan %d columns into", len(dest), len(r.cells))
	}
	for i, d := range dest {
		r.scan(i, d)
		if r.err != nil {
			return r.take()
		}
	}
	return nil
}

// take returns the error and forgets it: it belongs to one Scan.
func (r *Row) take() error {
	err := r.err
	r.err = nil
	return err
}

// done gives QueryRow's frame back.
func (r *Row) done() {
	if r.frame == nil {
		return
	}
	putFrame(r.frame)
	r.frame, r.cells, r.block, r.large = nil, nil, nil, nil
}

func store[T any](r *Row, column int, d *T, v T) {
	if d == nil {
		r.fail(errorf(ErrMisuse, "column %s: the pointer to scan into is nil", r.name(column)))
	}
	if r.err == nil {
		*d = v
	}
}

func (r *Row) scan(column int, dest any) {
	switch d := dest.(type) {
	case *int64:
		store(r, column, d, r.Int64(column))
	case *string:
		store(r, column, d, r.Text(column))
	case *float64:
		store(r, column, d, r.Float64(column))
	case *int:
		store(r, column, d, r.integer(column))
	case *[]byte:
		store(r, column, d, r.Bytes(column))
	case *bool:
		store(r, column, d, r.Bool(column))
	case *any:
		store(r, column, d, r.Any(column))
	case sql.Scanner:
		r.scanner(column, d)
	default:
		v := reflect.ValueOf(dest)
		if v.Kind() != reflect.Pointer || v.IsNil() {
			r.fail(errorf(ErrMisuse, "column %s: scan into a pointer, not into %T", r.name(column), dest))
			return
		}
		r.reflected(column, v.Elem())
	}
}

func (r *Row) integer(column int) int {
	v := r.Int64(column)
	if int64(int(v)) != v {
		r.misfit(column, "int")
	}
	return int(v)
}

func (r *Row) scanner(column int, d sql.Scanner) {
	v := r.Any(column)
	if r.err != nil {
		return
	}
	if err := d.Scan(v); err != nil {
		r.fail(&Error{
			Status: ErrMisuse, SQLOffset: -1, Statement: -1, cause: err,
			Message: fmt.Sprintf("column %s: %v", r.name(column), err),
		})
	}
}

// reflected stores into a variable whose type has no fast way.
func (r *Row) reflected(column int, v reflect.Value) {
	switch kind := v.Kind(); {
	case kind == reflect.Pointer:
		r.pointer(column, v)
	case v.CanInt():
		if n := r.Int64(column); !v.OverflowInt(n) {
			r.set(func() { v.SetInt(n) })
			return
		}
		r.misfit(column, v.Type().String())
	case v.CanUint():
		if n := r.Int64(column); n >= 0 && !v.OverflowUint(uint64(n)) {
			r.set(func() { v.SetUint(uint64(n)) })
			return
		}
		r.misfit(column, v.Type().String())
	case v.CanFloat():
		r.float(column, v)
	case kind == reflect.String:
		s := r.Text(column)
		r.set(func() { v.SetString(s) })
	case kind == reflect.Bool:
		b := r.Bool(column)
		r.set(func() { v.SetBool(b) })
	case kind == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		b := r.Bytes(column)
		r.set(func() { v.SetBytes(b) })
	default:
		r.unknown(column, v.Type())
	}
}

func (r *Row) set(assign func()) {
	if r.err == nil {
		assign()
	}
}

func (r *Row) pointer(column int, v reflect.Value) {
	if r.IsNull(column) {
		v.SetZero()
		return
	}
	p := reflect.New(v.Type().Elem())
	if p.Elem().Kind() == reflect.Pointer {
		r.unknown(column, v.Type())
		return
	}
	r.scan(column, p.Interface())
	r.set(func() { v.Set(p) })
}

func (r *Row) float(column int, v reflect.Value) {
	f := r.Float64(column)
	if v.Kind() == reflect.Float32 && float64(float32(f)) != f {
		r.misfit(column, v.Type().String())
	}
	r.set(func() { v.SetFloat(f) })
}

func (r *Row) unknown(column int, t reflect.Type) {
	if t == reflect.TypeFor[time.Time]() {
		r.fail(errorf(ErrMisuse, "column %s: SQLite has no time type: scan into an int64 or a string, "+
			"and use time.UnixMilli or time.Parse", r.name(column)))
		return
	}
	r.fail(errorf(ErrMisuse, "column %s: cannot scan into %s", r.name(column), t))
}

// misfit remembers that a value does not fit a type; values stay out of it.
func (r *Row) misfit(column int, want string) {
	hint := ""
	if r.IsNull(column) {
		hint = "; scan into a pointer or a sql.Null"
	}
	r.fail(errorf(ErrMisuse, "column %s: %s does not fit %s%s", r.name(column), r.what(column), want, hint))
}

// what describes the value of a column without telling it.
func (r *Row) what(column int) string {
	c := &r.cells[column]
	switch c.kind &^ largeFlag {
	case typeInteger:
		return "this INTEGER"
	case typeReal:
		if f := math.Float64frombits(c.bits); f != math.Trunc(f) {
			return "a REAL with a fraction"
		}
		return "this REAL"
	case typeText:
		return "TEXT"
	case typeBlob:
		return "BLOB"
	}
	return "NULL"
}

// name is the column's number, and its name where that is known.
func (r *Row) name(column int) string {
	if r.rows != nil && r.rows.names != nil && column < len(r.rows.names.names) {
		return fmt.Sprintf("%d (%q)", column, r.rows.names.names[column])
	}
	return fmt.Sprint(column)
}
