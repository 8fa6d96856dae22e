package walpool

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math"
	"reflect"
	"time"
)

// Named gives a parameter by name: db.Query(ctx, "... WHERE id = :id",
// walpool.Named("id", 1)). The name may have its `:`, `@` or `$`; [sql.Named]
// does the same. One call gives all parameters by name or none.
func Named(name string, value any) sql.NamedArg { return sql.Named(name, value) }

const (
	typeNull    = 0
	typeInteger = 1
	typeReal    = 2
	typeText    = 3
	typeBlob    = 4
	largeFlag   = 0x100
)

// params is a block of parameter rows that is being written into a frame. The
// cells have their full room from the start, and the arena grows behind them.
type params struct {
	f       *frame
	begin   int // of the block in the frame
	cell    int // next cell
	columns int
	rows    int
	before  int      // rows in the blocks before this one
	room    int      // rows that have cells
	byName  []string // of the parameters, or nil when they go by position
}

// addParams writes the arguments of one statement into the request at `at`.
func addParams(f *frame, at int, args []any) error {
	if len(args) == 0 {
		return nil
	}
	p, err := beginParams(f, args, 1)
	if err != nil {
		return err
	}
	if err := p.row(args); err != nil {
		return err
	}
	p.finish(at)
	return nil
}

// addManyParams writes many rows of arguments.
func addManyParams(f *frame, at int, rows [][]any) error {
	var first []any
	if len(rows) > 0 {
		first = rows[0]
	}
	p, err := beginParams(f, first, len(rows))
	if err != nil {
		return err
	}
	for _, args := range rows {
		if err := p.row(args); err != nil {
			return err
		}
	}
	p.finish(at)
	return nil
}

// beginParams starts a block for `room` rows that are like the first one.
func beginParams(f *frame, first []any, room int) (params, error) {
	if len(first) > math.MaxInt16 {
		return params{}, errorf(ErrParam, "%d parameters, and SQLite takes at most 32766", len(first))
	}
	p := params{f: f, begin: f.used, columns: len(first), room: room}
	cells := room * len(first) * cellBytes
	_, named := argName(first)
	if named {
		cells += len(first) * cellBytes
	}
	f.reserve(rowsHeader + cells)
	f.used += rowsHeader + cells
	p.cell = p.begin + rowsHeader
	clear(f.mem[p.begin:p.cell])
	f.put32(p.begin, rowsMagic)
	f.put32(p.begin+8, uint32(p.columns))
	f.put64(p.begin+16, uint64(f.used-p.begin))
	if named {
		f.put32(p.begin+4, rowsNames)
		return p, p.names(first)
	}
	return p, nil
}

// argName returns the name of the first argument, if it has one.
func argName(args []any) (string, bool) {
	if len(args) == 0 {
		return "", false
	}
	named, ok := args[0].(sql.NamedArg)
	return named.Name, ok
}

func (p *params) names(args []any) error {
	for i, arg := range args {
		named, ok := arg.(sql.NamedArg)
		if !ok {
			return p.mixed(i, "position", "name")
		}
		if err := p.bytes(typeText, named.Name); err != nil {
			return p.explain(err, i, arg)
		}
		p.byName = append(p.byName, named.Name)
	}
	return nil
}

func (p *params) mixed(i int, this, first string) error {
	return errorf(ErrParam, "parameter %d goes by %s, and the first by %s: give all in one way", i+1, this, first)
}

// row adds one row of values.
func (p *params) row(args []any) error {
	if len(args) != p.columns {
		return errorf(ErrParam, "row %d has %d parameters, and the first has %d", p.number(), len(args), p.columns)
	}
	for i, arg := range args {
		arg, err := p.unnamed(i, arg)
		if err != nil {
			return err
		}
		if err := p.value(arg); err != nil {
			return p.explain(err, i, args[i])
		}
	}
	p.rows++
	return nil
}

// unnamed takes the value out of a named argument, and proves that the name
// is the one that the first row has in this place.
func (p *params) unnamed(i int, arg any) (any, error) {
	named, ok := arg.(sql.NamedArg)
	switch {
	case p.byName == nil && !ok:
		return arg, nil
	case p.byName == nil:
		return nil, p.mixed(i, "name", "position")
	case !ok:
		return nil, p.mixed(i, "position", "name")
	case named.Name != p.byName[i]:
		return nil, errorf(ErrParam, "parameter %d of row %d is %q, and in the first row %q: keep the order", i+1, p.number(), named.Name, p.byName[i])
	}
	return named.Value, nil
}

// number counts the row that is being added, over all blocks, from 1.
func (p *params) number() int { return p.before + p.rows + 1 }

// explain says which parameter it was.
func (p *params) explain(err error, i int, arg any) error {
	name := fmt.Sprintf("parameter %d", i+1)
	if named, ok := arg.(sql.NamedArg); ok {
		name = fmt.Sprintf("parameter %q", named.Name)
	}
	if p.number() > 1 {
		name += fmt.Sprintf(" of row %d", p.number())
	}
	return errorf(ErrParam, "%s %v", name, err)
}

// finish completes the block.
func (p *params) finish(at int) {
	p.f.put32(p.begin+12, uint32(p.rows))
	p.f.put64(p.begin+24, uint64(p.f.used-p.begin))
	p.f.params(at, p.begin)
}

func (p *params) put(kind, length uint32, value uint64) {
	p.f.put32(p.cell, kind)
	p.f.put32(p.cell+4, length)
	p.f.put64(p.cell+8, value)
	p.cell += cellBytes
}

func (p *params) integer(v int64) error {
	p.put(typeInteger, 0, uint64(v))
	return nil
}

func (p *params) bytes(kind uint32, s string) error {
	if uint64(len(s)) > math.MaxUint32 {
		return fmt.Errorf("has %d bytes, and 4 GiB is too long", len(s))
	}
	p.f.reserve(len(s))
	copy(p.f.mem[p.f.used:], s)
	p.put(kind, uint32(len(s)), uint64(p.f.used-p.begin))
	p.f.used += len(s)
	return nil
}

func (p *params) blob(b []byte) error {
	if b == nil {
		p.put(typeNull, 0, 0)
		return nil
	}
	return p.bytes(typeBlob, view(b))
}

func (p *params) value(arg any) error {
	switch v := arg.(type) {
	case nil:
		p.put(typeNull, 0, 0)
	case int:
		return p.integer(int64(v))
	case int64:
		return p.integer(v)
	case string:
		return p.bytes(typeText, v)
	case float64:
		p.put(typeReal, 0, math.Float64bits(v))
	case []byte:
		return p.blob(v)
	case bool:
		return p.boolean(v)
	case driver.Valuer:
		return p.valuer(v)
	case time.Time:
		return fmt.Errorf("is a time.Time, which SQLite has no type for: pass t.UnixMilli(), or t.UTC().Format(layout)")
	default:
		return p.reflected(reflect.ValueOf(arg))
	}
	return nil
}

func (p *params) boolean(v bool) error {
	if v {
		return p.integer(1)
	}
	return p.integer(0)
}

// valuer asks a [driver.Valuer], such as sql.NullString, for what to store. A
// nil pointer whose type has the method by value is NULL, as in database/sql.
func (p *params) valuer(v driver.Valuer) error {
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer && rv.IsNil() &&
		rv.Type().Elem().Implements(reflect.TypeFor[driver.Valuer]()) {
		return p.value(nil)
	}
	value, err := v.Value()
	if err != nil {
		return fmt.Errorf("has no value: %w", err)
	}
	if _, again := value.(driver.Valuer); again {
		return fmt.Errorf("is a %T, whose Value is another driver.Valuer", v)
	}
	return p.value(value)
}

// reflected stores the kinds of numbers, and named types of all basic kinds.
func (p *params) reflected(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		return p.integer(v.Int())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint, reflect.Uintptr:
		if v.Uint() > math.MaxInt64 {
			return fmt.Errorf("is %s beyond int64, the largest INTEGER", v.Type())
		}
		return p.integer(int64(v.Uint()))
	case reflect.Float32, reflect.Float64:
		return p.value(v.Float())
	case reflect.Bool:
		return p.boolean(v.Bool())
	case reflect.String:
		return p.bytes(typeText, v.String())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return p.blob(v.Bytes())
		}
	case reflect.Pointer:
		if v.IsNil() {
			return p.value(nil)
		}
		if kind := v.Elem().Kind(); kind != reflect.Pointer && kind != reflect.Interface {
			return p.value(v.Elem().Interface())
		}
	}
	return fmt.Errorf("is a %s, and SQLite stores nil, integers, floats, bool, string and []byte", v.Type())
}
