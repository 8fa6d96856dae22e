package walpool

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

var background = context.Background()

// thousands is a statement of n rows, each of about 40 bytes.
const thousands = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?)
SELECT i, 'row ' || i, hex(zeroblob(10)) FROM n`

// endless runs until it is interrupted.
const endless = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
SELECT count(*) FROM n`

func openTest(t testing.TB, options *Options) *DB {
	t.Helper()
	db, err := Open(background, filepath.Join(t.TempDir(), "test.db"), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustExec(t testing.TB, db *DB, sql string, args ...any) Result {
	t.Helper()
	res, err := db.Exec(background, sql, args...)
	must(t, err)
	return res
}

// one returns the first value of a query.
func one[T any](t testing.TB, db *DB, sql string, args ...any) T {
	t.Helper()
	var v T
	must(t, db.QueryRow(background, sql, args...).Scan(&v))
	return v
}

// wantError fails unless the error has the status and the words.
func wantError(t testing.TB, err error, status Status, words ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Status != status || !errors.Is(err, status) {
		t.Fatalf("got error %v, want %s", err, status.Name())
	}
	for _, word := range words {
		if !strings.Contains(e.Error(), word) {
			t.Errorf("%q does not say %q", e.Error(), word)
		}
	}
}

// eventually waits for a condition, collecting garbage meanwhile.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("it does not come about that %s", what)
		}
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
}

func health(t testing.TB, db *DB) Health {
	t.Helper()
	h, err := db.Health()
	must(t, err)
	return h
}

// idle fails unless all readers and the writer are back, or come back soon: the
// database's own checkpointer takes the writer, too.
func idle(t testing.TB, db *DB) {
	t.Helper()
	h := health(t, db)
	for end := time.Now().Add(20 * time.Second); h.WriterLeased != 0 && time.Now().Before(end); {
		runtime.Gosched()
		h = health(t, db)
	}
	if h.ReadersLeased != 0 || h.WriterLeased != 0 {
		t.Errorf("%d readers and %d writers are still out", h.ReadersLeased, h.WriterLeased)
	}
}
