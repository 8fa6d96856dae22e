package walpool

import (
	"reflect"
	"strings"
	"sync"
	"unsafe"
)

// A plan says where the columns of a result go in a struct.
type plan struct {
	fields []planned // one a column
}

type planned struct {
	offset uintptr
	typ    reflect.Type
	fast   reflect.Kind // of a type that needs no reflection, or Invalid
}

type planKey struct {
	typ   reflect.Type
	shape uint64
}

var plans sync.Map // planKey to *plan

func planFor(t reflect.Type, names *columns) (*plan, error) {
	key := planKey{t, names.shape}
	if p, ok := plans.Load(key); ok {
		return p.(*plan), nil
	}
	if t.Kind() != reflect.Struct {
		return nil, errorf(ErrMisuse, "cannot collect rows as %s, which is no struct", t)
	}
	p, err := makePlan(t, names.names)
	if err == nil {
		plans.Store(key, p)
	}
	return p, err
}

func makePlan(t reflect.Type, columns []string) (*plan, error) {
	fields := make(map[string]planned)
	listFields(t, 0, fields)
	p := &plan{}
	taken := make(map[uintptr]string)
	for _, column := range columns {
		field, ok := fields[column]
		if !ok {
			field, ok = fields[plainName(column)]
		}
		if !ok {
			return nil, errorf(ErrMisuse, "column %q has no field in %s: add one, or tag one with `db:%q`", column, t, column)
		}
		if other, twice := taken[field.offset]; twice {
			return nil, errorf(ErrMisuse, "columns %q and %q go to the same field of %s: rename one with AS", other, column, t)
		}
		taken[field.offset] = column
		p.fields = append(p.fields, field)
	}
	return p, nil
}

// listFields finds the fields by tag and by plain name. An outer field hides
// an embedded one, and a tag hides a name.
func listFields(t reflect.Type, base uintptr, fields map[string]planned) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			inner := make(map[string]planned)
			listFields(f.Type, base+f.Offset, inner)
			for name, field := range inner {
				if _, hidden := fields[name]; !hidden {
					fields[name] = field
				}
			}
		}
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, tagged := f.Tag.Lookup("db")
		if !f.IsExported() || name == "-" || f.Anonymous && f.Type.Kind() == reflect.Struct {
			continue
		}
		if !tagged {
			name = plainName(f.Name)
		}
		fields[name] = planned{base + f.Offset, f.Type, fastKind(f.Type)}
	}
}

// plainName is what names are compared by that no tag gives.
func plainName(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", ""))
}

func fastKind(t reflect.Type) reflect.Kind {
	switch t {
	case reflect.TypeFor[int64](), reflect.TypeFor[int](), reflect.TypeFor[float64](),
		reflect.TypeFor[string](), reflect.TypeFor[bool]():
		return t.Kind()
	}
	return reflect.Invalid
}

// fill stores a row into the struct at base.
func (p *plan) fill(r *Row, base unsafe.Pointer) {
	for i := range p.fields {
		f := &p.fields[i]
		at := unsafe.Add(base, f.offset)
		switch f.fast {
		case reflect.Int64:
			*(*int64)(at) = r.Int64(i)
		case reflect.String:
			*(*string)(at) = r.Text(i)
		case reflect.Float64:
			*(*float64)(at) = r.Float64(i)
		case reflect.Int:
			*(*int)(at) = r.integer(i)
		case reflect.Bool:
			*(*bool)(at) = r.Bool(i)
		default:
			r.scan(i, reflect.NewAt(f.typ, at).Interface())
		}
	}
}
