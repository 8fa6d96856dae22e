//go:build !race

package walpool

import (
	"context"
	"testing"
)

// The race detector makes pools forget, so this is not for it.
func TestCalls_AllocateOnlyWhatTheyGive(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
	mustExec(t, db, "INSERT INTO t VALUES (1, 'one')")
	cancelable, cancel := context.WithCancel(background)
	defer cancel()
	var id int64
	for _, c := range []struct {
		name string
		most float64
		call func() error
	}{
		{"Exec", 0, func() error { _, err := db.Exec(background, "UPDATE t SET v = ? WHERE id = ?", "two", 1); return err }},
		{"QueryRow", 2, func() error { return db.QueryRow(background, "SELECT id FROM t").Scan(&id) }}, // a Row
		{"QueryRow, with Done", 5, func() error { return db.QueryRow(cancelable, "SELECT id FROM t").Scan(&id) }},
		{"Query", 2, func() error { // a Rows
			rows, err := db.Query(background, "SELECT id FROM t")
			if err == nil {
				for rows.Next() {
					id = rows.Row().Int64(0)
				}
			}
			return err
		}},
		{"Health", 1, func() error { _, err := db.Health(); return err }},
	} {
		var err error
		got := testing.AllocsPerRun(200, func() {
			if e := c.call(); e != nil {
				err = e
			}
		})
		must(t, err)
		if got > c.most {
			t.Errorf("%s: %v allocations, at most %v", c.name, got, c.most)
		}
	}
}
