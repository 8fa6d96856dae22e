package walpool

import (
	"reflect"
	"unsafe"
)

// Collect calls fn for each row, returns what it made of them, and closes the
// rows.
//
//	users, err := walpool.Collect(rows, func(r *walpool.Row) (User, error) {
//		return User{ID: r.Int64(0), Name: r.Text(1)}, nil
//	})
//
// It ends with the first error of fn, or of a Row method that fn called. No
// rows are an empty slice and no error.
func Collect[T any](rows *Rows, fn func(*Row) (T, error)) ([]T, error) {
	defer rows.Close()
	list := pieces[T]{room: rows.count}
	for rows.Next() {
		v, err := fn(&rows.row)
		if err == nil {
			err = rows.row.err
		}
		if err != nil {
			return nil, err
		}
		*list.next() = v
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return list.join(), nil
}

// pieces is a list that grows without copying what it has: a result is several
// times faster in memory that is written once.
type pieces[T any] struct {
	full  [][]T
	last  []T
	total int // in the full ones
	room  int // of the next
}

func (p *pieces[T]) next() *T {
	if len(p.last) == cap(p.last) {
		if len(p.last) > 0 {
			p.full = append(p.full, p.last)
			p.total += len(p.last)
			p.room = 2 * len(p.last)
		}
		p.last = make([]T, 0, max(p.room, 1))
	}
	p.last = p.last[:len(p.last)+1]
	return &p.last[len(p.last)-1]
}

func (p *pieces[T]) join() []T {
	if p.full == nil && p.last != nil {
		return p.last
	}
	list := make([]T, 0, p.total+len(p.last))
	for _, piece := range p.full {
		list = append(list, piece...)
	}
	return append(list, p.last...)
}

// CollectStructs makes a struct of each row and closes the rows.
//
// A column goes to the field whose `db:"name"` tag names it, or else whose
// name is the same but for case and underscores (user_id, UserID). Fields of
// embedded structs count as fields. Every column needs a field; fields without
// a column stay zero. Fields have the types that [Row.Scan] takes.
func CollectStructs[T any](rows *Rows) ([]T, error) {
	defer rows.Close()
	plan, err := planFor(reflect.TypeFor[T](), rows.names)
	if err != nil {
		return nil, err
	}
	list := pieces[T]{room: rows.count}
	for rows.Next() {
		plan.fill(&rows.row, unsafe.Pointer(list.next()))
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return list.join(), nil
}
