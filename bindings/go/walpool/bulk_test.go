package walpool

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
)

// numbered gives n rows of a number and a text, in one list that it uses again.
func numbered(n int) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		row := make([]any, 2)
		for i := range n {
			row[0], row[1] = i, strings.Repeat("x", i%50)
			if !yield(row) {
				return
			}
		}
	}
}

func TestExecMany_InsertsAllOfThem(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
	for _, n := range []int{0, 1, 1023, 1024, 1025, 5000} {
		res, err := db.ExecMany(background, "INSERT INTO t VALUES (?, ?)", numbered(n))
		must(t, err)
		sum := one[int64](t, db, "SELECT coalesce(sum(id), 0) FROM t WHERE length(v) = id % 50")
		if want := int64(n) * int64(n-1) / 2; res.Changes != int64(n) || sum != max(want, 0) {
			t.Errorf("%d rows: %+v, sum %d", n, res, sum)
		}
		if n > 0 && res.LastRowID != int64(n-1) {
			t.Errorf("last row id %d", res.LastRowID)
		}
		mustExec(t, db, "DELETE FROM t")
	}
	idle(t, db)
}

func TestExecMany_OfLongTextsAndNames(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(a, b)")
	long := strings.Repeat("long ", 100_000)
	args := [][]any{}
	for range 9 {
		args = append(args, []any{Named("b", long), sql.Named("a", 1)})
	}
	res, err := db.ExecMany(background, "INSERT INTO t VALUES (:a, :b)", slices.Values(args))
	must(t, err)
	if n := one[int](t, db, "SELECT sum(length(b)) FROM t WHERE a = 1"); res.Changes != 9 || n != 9*len(long) {
		t.Errorf("%+v, %d bytes", res, n)
	}
}

func TestExecMany_IsAllOrNothing(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
	mustExec(t, db, "INSERT INTO t VALUES (4000, 'in the way')")
	_, err := db.ExecMany(background, "INSERT INTO t VALUES (?, ?)", numbered(5000))
	wantError(t, err, ErrConstraint, "t.id")
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 1 {
		t.Errorf("%d rows", n)
	}
	must(t, db.Write(background, func(tx *WriteTx) error {
		_, err := tx.ExecMany(background, "INSERT INTO t VALUES (?, ?)", numbered(5000))
		wantError(t, err, ErrConstraint)
		_, err = tx.ExecMany(background, "INSERT INTO t VALUES (?, ?)", numbered(3000))
		return err
	}))
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 3001 {
		t.Errorf("%d rows", n)
	}
	idle(t, db)
}

func TestExecMany_NamesTheRowThatDoesNotFit(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(a, b)")
	const insert = "INSERT INTO t VALUES (?, ?)"
	bad := func(at int, row []any) iter.Seq[[]any] {
		return func(yield func([]any) bool) {
			for i := range at {
				if !yield([]any{i, i}) {
					return
				}
			}
			yield(row)
		}
	}
	_, err := db.ExecMany(background, insert, bad(2000, []any{1}))
	wantError(t, err, ErrParam)
	_, err = db.ExecMany(background, insert, bad(2, []any{1}))
	wantError(t, err, ErrParam, "row 3")
	_, err = db.ExecMany(background, insert, bad(2000, []any{1, struct{}{}}))
	wantError(t, err, ErrParam, "row 2001", "parameter 2")
	_, err = db.ExecMany(background, insert, bad(2, []any{1, Named("b", 1)}))
	wantError(t, err, ErrParam, "parameter 2")
	_, err = db.ExecMany(background, "INSERT INTO t VALUES (:a, :b)", slices.Values([][]any{
		{Named("a", 1), Named("b", 1)}, {Named("b", 1), Named("a", 1)}}))
	wantError(t, err, ErrParam, "row 2", "order")
	_, err = db.ExecMany(background, insert, nil)
	wantError(t, err, ErrMisuse)
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 0 {
		t.Errorf("%d rows", n)
	}
	idle(t, db)
}

func TestExecMany_UndoesAllWhenTheSequencePanics(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
	panicking := func(yield func([]any) bool) {
		for row := range numbered(3000) {
			if !yield(row) {
				return
			}
		}
		panic("enough")
	}
	try := func(run func()) {
		defer func() {
			if recover() != "enough" {
				t.Error("it did not panic on")
			}
		}()
		run()
	}
	try(func() { db.ExecMany(background, "INSERT INTO t VALUES (?, ?)", panicking) })
	must(t, db.Write(background, func(tx *WriteTx) error {
		try(func() { tx.ExecMany(background, "INSERT INTO t VALUES (?, ?)", panicking) })
		return nil
	}))
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 0 {
		t.Errorf("%d rows", n)
	}
	idle(t, db)
}

func TestExecMany_EndsWithItsContext(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
	ctx, cancel := context.WithCancel(background)
	count := 0
	_, err := db.ExecMany(ctx, "INSERT INTO t VALUES (?, ?)", func(yield func([]any) bool) {
		for row := range numbered(1 << 30) {
			if count++; count == 3000 {
				cancel()
			}
			if !yield(row) {
				return
			}
		}
	})
	wantError(t, err, ErrCanceled)
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 0 || count > 1_000_000 {
		t.Errorf("%d rows, %d read", n, count)
	}
	idle(t, db)
}

func TestExecReturning_GivesRowsAndWhatChanged(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
	rows, err := db.ExecReturning(background, "INSERT INTO t(v) VALUES ('a'), ('b') RETURNING id, v")
	must(t, err)
	if res := rows.Result(); res.Changes != 2 || res.LastRowID != 2 {
		t.Errorf("%+v", res)
	}
	list, err := Collect(rows, func(r *Row) (string, error) { return r.Text(1), nil })
	must(t, err)
	if !slices.Equal(list, []string{"a", "b"}) {
		t.Errorf("got %q", list)
	}
	// A result that is much larger than the first block.
	rows, err = db.ExecReturning(background, `WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n LIMIT 20000)
		INSERT INTO t SELECT i, hex(zeroblob(50)) FROM n RETURNING id, v`)
	must(t, err)
	ids, err := Collect(rows, func(r *Row) (int64, error) { return r.Int64(0), nil })
	must(t, err)
	if len(ids) != 20000 || ids[19999] != 20002 || one[int](t, db, "SELECT count(*) FROM t") != 20002 {
		t.Errorf("%d ids", len(ids))
	}
}

func TestExecReturningRow_CarriesTheWholeStatementOut(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v UNIQUE)")
	const insert = "INSERT INTO t(v) VALUES (?1), (?1 + 1), (?1 + 2) RETURNING id"
	var id int64
	must(t, db.ExecReturningRow(background, insert, 10).Scan(&id))
	if id != 1 {
		t.Errorf("id %d", id)
	}
	must(t, db.Write(background, func(tx *WriteTx) error {
		return tx.QueryRow(background, insert, 20).Scan(&id)
	}))
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 6 || id != 4 {
		t.Errorf("%d rows, id %d", n, id)
	}
	wantError(t, db.ExecReturningRow(background, insert, 12).Err(), ErrConstraint)
	wantError(t, db.ExecReturningRow(background, "SELEC").Err(), ErrSQL)
	err := db.ExecReturningRow(background, "DELETE FROM t WHERE id = 99 RETURNING id").Scan(&id)
	if !errors.Is(err, ErrNoRows) || one[int](t, db, "SELECT count(*) FROM t") != 6 {
		t.Errorf("got %v", err)
	}
	blob := db.ExecReturningRow(background, "UPDATE t SET v = zeroblob(300000) WHERE id = 1 RETURNING v")
	if n := len(blob.Bytes(0)); n != 300000 || blob.Err() != nil {
		t.Errorf("%d bytes, %v", n, blob.Err())
	}
}

func TestBatch_IsOneTransactionWithAResultEach(t *testing.T) {
	db := openTest(t, nil)
	results, err := db.Batch(background, []Statement{
		{SQL: "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"},
		{SQL: "INSERT INTO t(v) VALUES (?)", Args: []any{"one"}},
		{SQL: "INSERT INTO t(v) VALUES (?)", Many: [][]any{{"two"}, {"three"}}},
		{SQL: "UPDATE t SET v = v || :x RETURNING v", Args: []any{Named("x", "!")}},
	})
	must(t, err)
	list, err := Collect(results[3].Rows, func(r *Row) (string, error) { return r.Text(0), nil })
	must(t, err)
	if !slices.Equal(list, []string{"one!", "two!", "three!"}) || results[2].Changes != 2 || results[2].LastRowID != 3 || results[1].Rows != nil {
		t.Errorf("%q, %+v", list, results)
	}
	if columns := results[3].Rows.Columns(); !slices.Equal(columns, []string{"v"}) {
		t.Errorf("columns %q", columns)
	}
	if w := health(t, db).Writes; w != 1 {
		t.Errorf("%d transactions", w)
	}
}

func TestBatch_TellsWhichStatementFailed(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v UNIQUE)")
	for i, c := range []struct {
		bad    Statement
		status Status
	}{
		{Statement{SQL: "INSERT INTO t VALUES (1)"}, ErrConstraint},
		{Statement{SQL: "SELEC"}, ErrSQL},
		{Statement{SQL: ""}, ErrSQL},
		{Statement{SQL: "SELECT ?", Args: []any{make(chan int)}}, ErrParam},
		{Statement{SQL: "SELECT ?"}, ErrParam},
		{Statement{SQL: "SELECT ?", Args: []any{1}, Many: [][]any{{1}}}, ErrMisuse},
		{Statement{SQL: "SELECT ?", Many: [][]any{{1}, {1, 2}}}, ErrParam},
	} {
		_, err := db.Batch(background, []Statement{{SQL: "INSERT INTO t VALUES (1)"}, c.bad})
		wantError(t, err, c.status)
		if e := err.(*Error); e.Statement != 1 || e.Outcome != NotApplied {
			t.Errorf("case %d: statement %d, %s", i, e.Statement, e.Outcome)
		}
	}
	_, err := db.Batch(background, nil)
	wantError(t, err, ErrMisuse)
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestScript_IsOneTransaction(t *testing.T) {
	db := openTest(t, nil)
	must(t, db.Script(background, " ; -- nothing\n"))
	must(t, db.Script(background, "CREATE TABLE t(v UNIQUE); INSERT INTO t VALUES (1); SELECT * FROM t"))
	wantError(t, db.Script(background, "INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)"), ErrConstraint)
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 1 {
		t.Errorf("%d rows", n)
	}
	mine := errors.New("mine")
	err := db.Write(background, func(tx *WriteTx) error {
		must(t, tx.Script(background, "DELETE FROM t; DROP TABLE t"))
		return mine
	})
	if err != mine || one[int](t, db, "SELECT count(*) FROM t") != 1 {
		t.Errorf("got %v", err)
	}
}
