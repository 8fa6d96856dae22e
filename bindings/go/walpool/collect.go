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
	list := make([]T, 0, rows.count)
	for rows.Next() {
		v, err := fn(&rows.row)
		if err == nil {
			err = rows.row.err
		}
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return list, nil
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
	list := make([]T, 0, rows.count)
	for rows.Next() {
		var zero T
		list = append(list, zero)
		plan.fill(&rows.row, unsafe.Pointer(&list[len(list)-1]))
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return list, nil
}
