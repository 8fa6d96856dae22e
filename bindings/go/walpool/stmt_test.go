package walpool

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
)

func openUsers(t testing.TB) *DB {
	t.Helper()
	db := openTest(t, nil)
	must(t, db.Script(background, "CREATE TABLE user(id INTEGER PRIMARY KEY, name TEXT UNIQUE);"+
		"INSERT INTO user(name) VALUES ('Ada'), ('Grace'), ('Alan')"))
	return db
}

func mustPrepare(t testing.TB, db *DB, sql string) *Stmt {
	t.Helper()
	s, err := db.Prepare(background, sql)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func namesOf(t testing.TB, rows *Rows, err error) []string {
	t.Helper()
	must(t, err)
	names, err := Collect(rows, func(r *Row) (string, error) { return r.Text(0), nil })
	must(t, err)
	return names
}

func TestStmtReads(t *testing.T) {
	db := openUsers(t)
	s := mustPrepare(t, db, "SELECT name FROM user WHERE id >= :id ORDER BY id")
	for range 3 { // with and without the names of the columns
		rows, err := s.Query(background, Named("id", 2))
		if rows != nil && !slices.Equal(rows.Columns(), []string{"name"}) {
			t.Errorf("columns %q", rows.Columns())
		}
		if got := namesOf(t, rows, err); !slices.Equal(got, []string{"Grace", "Alan"}) {
			t.Errorf("got %q", got)
		}
		var name string
		must(t, s.QueryRow(background, 1).Scan(&name))
		if name != "Ada" {
			t.Errorf("got %q", name)
		}
		if err := s.QueryRow(background, 9).Scan(&name); !errors.Is(err, ErrNoRows) {
			t.Errorf("got %v", err)
		}
	}
}

func TestStmtWrites(t *testing.T) {
	db := openUsers(t)
	add := mustPrepare(t, db, "INSERT INTO user(name) VALUES (?) RETURNING id")
	res, err := add.Exec(background, "Kurt")
	must(t, err)
	if res != (Result{Changes: 1, LastRowID: 4}) {
		t.Errorf("got %+v", res)
	}
	var id int64
	must(t, add.ExecReturningRow(background, "Tony").Scan(&id))
	rows, err := add.ExecReturning(background, "Edsger")
	must(t, err)
	ids, err := Collect(rows, func(r *Row) (int64, error) { return r.Int64(0), nil })
	must(t, err)
	if id != 5 || !slices.Equal(ids, []int64{6}) {
		t.Errorf("got %d, %d", id, ids)
	}
	many := make([][]any, 3000)
	for i := range many {
		many[i] = []any{fmt.Sprint("name ", i)}
	}
	res, err = add.ExecMany(background, slices.Values(many))
	must(t, err)
	if res.Changes != 3000 {
		t.Errorf("got %+v", res)
	}
	_, err = add.ExecExpect(background, 2, "John")
	wantError(t, err, ErrMismatch)
	_, err = add.Exec(background, "Ada")
	wantError(t, err, ErrConstraint)
	key := WithOnceKey(background, "one")
	for range 2 {
		must(t, add.ExecReturningRow(key, "Niklaus").Scan(&id))
	}
	if n := one[int64](t, db, "SELECT count(*) FROM user"); n != 3007 {
		t.Errorf("got %d users", n)
	}
}

func TestStmtInTransactionsAndBatches(t *testing.T) {
	db := openUsers(t)
	name := mustPrepare(t, db, "SELECT name FROM user WHERE id = ?")
	rename := mustPrepare(t, db, "UPDATE user SET name = ? WHERE id = ?")
	must(t, db.Write(background, func(tx *WriteTx) error {
		in := tx.Stmt(rename)
		if res, err := in.Exec(background, "A.", 1); err != nil || res.Changes != 1 {
			t.Errorf("got %+v, %v", res, err)
		}
		_, err := in.ExecExpect(background, 1, "B.", 99)
		wantError(t, err, ErrMismatch)
		res, err := in.ExecMany(background, slices.Values([][]any{{"G.", 2}, {"T.", 3}}))
		if res.Changes != 2 {
			t.Errorf("got %+v", res)
		}
		return err
	}))
	must(t, db.Read(background, func(tx *ReadTx) error {
		rows, err := tx.Stmt(name).Query(background, 1)
		if got := namesOf(t, rows, err); !slices.Equal(got, []string{"A."}) {
			t.Errorf("got %q", got)
		}
		var got string
		return tx.Stmt(name).QueryRow(background, 3).Scan(&got)
	}))
	results, err := db.Batch(background, []Statement{
		{Stmt: rename, Args: []any{"Ada", 1}, Expect: Exactly(1)},
		{SQL: "UPDATE user SET name = 'Grace' WHERE id = 2"},
		{Stmt: rename, Many: [][]any{{"Alan", 3}, {"none", 99}}},
	})
	must(t, err)
	if results[0].Changes != 1 || results[1].Changes != 1 || results[2].Changes != 1 {
		t.Errorf("got %+v", results)
	}
	_, err = db.Batch(background, []Statement{{SQL: "SELECT 1", Stmt: name}})
	wantError(t, err, ErrMisuse, "both SQL and Stmt")
}

func TestStmtTells(t *testing.T) {
	db := openUsers(t)
	s := mustPrepare(t, db, "SELECT id, name AS n FROM user WHERE id = :id OR name = ?")
	if !s.ReadOnly() || !slices.Equal(s.Columns(), []string{"id", "n"}) ||
		!slices.Equal(s.Parameters(), []string{":id", ""}) {
		t.Errorf("got %v, %q, %q", s.ReadOnly(), s.Columns(), s.Parameters())
	}
	if mustPrepare(t, db, "DELETE FROM user").ReadOnly() {
		t.Error("a DELETE is read-only")
	}
}

func TestStmtErrors(t *testing.T) {
	db := openUsers(t)
	for _, wrong := range []struct {
		sql    string
		status Status
		word   string
	}{
		{"SELECT nothing FROM user", ErrSQL, "nothing"},
		{"SELECT 1; SELECT 2", ErrSQL, "more than one"},
		{"", ErrSQL, "no statement"},
		{"SELECT '\xff'", ErrEncoding, "UTF-8"},
		{"BEGIN", ErrRefused, "BEGIN"},
	} {
		_, err := db.Prepare(background, wrong.sql)
		wantError(t, err, wrong.status, wrong.word)
	}
	_, err := db.Prepare(nil, "SELECT 1") //lint:ignore SA1012 that is what is tested
	wantError(t, err, ErrMisuse, "context is nil")
	ended, cancel := context.WithCancel(background)
	cancel()
	_, err = db.Prepare(ended, "SELECT 1")
	wantError(t, err, ErrCanceled)
	s := mustPrepare(t, db, "SELECT name FROM user WHERE id = ?")
	_, err = s.Query(background)
	wantError(t, err, ErrParam)
	_, err = s.Query(background, 1, 2)
	wantError(t, err, ErrParam)
	_, err = mustPrepare(t, db, "DELETE FROM user").Query(background)
	wantError(t, err, ErrReadOnly)
	full := WithDurability(background, DurabilityFull)
	durable, err := db.Prepare(full, "SELECT 1")
	must(t, err)
	must(t, durable.Close())
}

func TestStmtClosed(t *testing.T) {
	db := openUsers(t)
	s := mustPrepare(t, db, "SELECT 1")
	must(t, s.Close())
	must(t, s.Close())
	_, err := s.Query(background)
	wantError(t, err, ErrClosed, "prepared statement")
	_, err = s.Exec(background)
	wantError(t, err, ErrClosed)
	_, err = db.Batch(background, []Statement{{Stmt: s}})
	wantError(t, err, ErrClosed)

	var none *Stmt
	_, err = none.Query(background)
	wantError(t, err, ErrMisuse, "the statement is nil")
	wantError(t, none.QueryRow(background).Scan(), ErrMisuse)
	_, err = none.Exec(background)
	wantError(t, err, ErrMisuse)
	wantError(t, none.Close(), ErrMisuse)
	must(t, db.Read(background, func(tx *ReadTx) error {
		_, err := tx.Stmt(nil).Query(background)
		wantError(t, err, ErrMisuse, "the statement is nil")
		return nil
	}))
}

func TestStmtIsOfOneDatabase(t *testing.T) {
	db := openUsers(t)
	s := mustPrepare(t, db, "SELECT 1")
	other := openTest(t, nil)
	must(t, other.Read(background, func(tx *ReadTx) error {
		_, err := tx.Stmt(s).Query(background)
		wantError(t, err, ErrMisuse, "another database")
		return nil
	}))
	third, err := Open(background, filepath.Join(t.TempDir(), "third.db"), nil)
	must(t, err)
	late, err := third.Prepare(background, "SELECT 1")
	must(t, err)
	must(t, third.Close())
	_, err = late.Query(background)
	wantError(t, err, ErrClosed, "database")
	must(t, late.Close())
}

func TestStmtSurvivesTheSchema(t *testing.T) {
	db := openUsers(t)
	s := mustPrepare(t, db, "SELECT * FROM user WHERE id = 1")
	for _, want := range [][]string{{"id", "name"}, {"id", "name", "age"}} {
		for range 2 {
			rows, err := s.Query(background)
			must(t, err)
			if !slices.Equal(rows.Columns(), want) {
				t.Errorf("columns %q, want %q", rows.Columns(), want)
			}
			must(t, rows.Close())
		}
		if len(want) == 2 {
			mustExec(t, db, "ALTER TABLE user ADD COLUMN age")
		}
	}
}

func TestStmtIsShared(t *testing.T) {
	db := openUsers(t)
	s := mustPrepare(t, db, "SELECT id, name FROM user WHERE id = ?")
	want := []string{"Ada", "Grace", "Alan"}
	var all sync.WaitGroup
	for range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range 500 {
				var id int
				var name string
				err := s.QueryRow(background, i%3+1).Scan(&id, &name)
				if err != nil || id != i%3+1 || name != want[i%3] {
					t.Errorf("got %d, %q, %v", id, name, err)
				}
			}
		}()
	}
	all.Wait()
}

func TestStmtThatIsLostIsClosed(t *testing.T) {
	db := openUsers(t)
	for i := range 2000 {
		s, err := db.Prepare(background, fmt.Sprintf("SELECT %d", i%7))
		must(t, err)
		var n int
		must(t, s.QueryRow(background).Scan(&n))
		if n != i%7 {
			t.Fatalf("got %d, want %d", n, i%7)
		}
		if i%500 == 0 {
			runtime.GC()
		}
	}
}
