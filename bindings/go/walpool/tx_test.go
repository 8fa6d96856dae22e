package walpool

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"
)

func TestRead_SeesOneSnapshot(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	err := db.Read(background, func(tx *ReadTx) error {
		mustExec(t, db, "INSERT INTO t VALUES (1)")
		var n int
		if err := tx.QueryRow(background, "SELECT count(*) FROM t").Scan(&n); err != nil || n != 0 {
			t.Errorf("%d rows, error %v", n, err)
		}
		rows, err := tx.Query(background, "SELECT * FROM t")
		must(t, err)
		if rows.Next() {
			t.Error("a row of a newer commit")
		}
		return nil
	})
	must(t, err)
	idle(t, db)
}

func TestFresh_GoesOnToTheNewestSnapshot(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	must(t, db.Read(background, func(tx *ReadTx) error {
		for n := range 3 {
			must(t, tx.Fresh(background))
			mustExec(t, db, "INSERT INTO t VALUES (1)")
			if seen := countOf(t, tx); seen != n {
				t.Errorf("%d rows, want %d", seen, n)
			}
		}
		return nil
	}))
	idle(t, db)
}

func countOf(t *testing.T, tx *ReadTx) (n int) {
	t.Helper()
	must(t, tx.QueryRow(background, "SELECT count(*) FROM t").Scan(&n))
	return n
}

func TestFresh_LeavesOpenRowsTheirSnapshot(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	must(t, db.Read(background, func(tx *ReadTx) error {
		rows, err := tx.Query(background, thousands, 5000)
		must(t, err)
		mustExec(t, db, "INSERT INTO t VALUES (1)")
		wantError(t, tx.Fresh(background), ErrBusy)
		if n := countOf(t, tx); n != 0 {
			t.Errorf("%d rows of a newer commit", n)
		}
		read := 0
		for range rows.All() {
			read++
		}
		must(t, rows.Err())
		must(t, tx.Fresh(background))
		if n := countOf(t, tx); n != 1 || read != 5000 {
			t.Errorf("%d rows after Fresh, %d of the result", n, read)
		}
		return nil
	}))
}

func TestFresh_OfAReadThatEndedIsClosed(t *testing.T) {
	db := openTest(t, nil)
	var kept *ReadTx
	must(t, db.Read(background, func(tx *ReadTx) error { kept = tx; return nil }))
	wantError(t, kept.Fresh(background), ErrClosed)
	idle(t, db)
}

func TestFresh_FromOtherGoroutines(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	must(t, db.Read(background, func(tx *ReadTx) error {
		mustExec(t, db, "INSERT INTO t VALUES (1)")
		done := make(chan error)
		go func() { done <- tx.Fresh(background) }()
		must(t, <-done)
		if n := countOf(t, tx); n != 1 {
			t.Errorf("%d rows", n)
		}
		const callers = 8
		for range callers { // those that meet another call are told so, and harm nothing
			go func() { done <- tx.Fresh(background) }()
		}
		for range callers {
			if err := <-done; err != nil {
				wantError(t, err, ErrBusy)
			}
		}
		if n := countOf(t, tx); n != 1 {
			t.Errorf("%d rows", n)
		}
		return nil
	}))
	idle(t, db)
}

func TestFresh_WithAnEndedContext(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	ended, cancel := context.WithCancel(background)
	cancel()
	must(t, db.Read(background, func(tx *ReadTx) error {
		mustExec(t, db, "INSERT INTO t VALUES (1)")
		wantError(t, tx.Fresh(ended), ErrCanceled)
		if n := countOf(t, tx); n != 0 {
			t.Errorf("%d rows: a canceled Fresh has moved", n)
		}
		must(t, tx.Fresh(background))
		if n := countOf(t, tx); n != 1 {
			t.Errorf("%d rows", n)
		}
		return nil
	}))
}

func TestRead_GivesItsFunctionsErrorBack(t *testing.T) {
	db := openTest(t, nil)
	mine := errors.New("mine")
	if err := db.Read(background, func(*ReadTx) error { return mine }); err != mine {
		t.Errorf("got %v", err)
	}
	wantError(t, db.Read(background, nil), ErrMisuse)
	idle(t, db)
}

func TestTx_IsClosedAfterItsFunction(t *testing.T) {
	db := openTest(t, nil)
	var kept *ReadTx
	var rows *Rows
	must(t, db.Read(background, func(tx *ReadTx) (err error) {
		kept = tx
		rows, err = tx.Query(background, thousands, 5000)
		return err
	}))
	wantError(t, kept.QueryRow(background, "SELECT 1").Err(), ErrClosed)
	for rows.Next() {
	}
	wantError(t, rows.Err(), ErrClosed)
	var written *WriteTx
	must(t, db.Write(background, func(tx *WriteTx) error { written = tx; return nil }))
	_, err := written.Exec(background, "CREATE TABLE t(v)")
	wantError(t, err, ErrClosed)
	wantError(t, written.Savepoint(func(*WriteTx) error { return nil }), ErrClosed)
	idle(t, db)
}

func TestWrite_CommitsAndRollsBack(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v UNIQUE)")
	must(t, db.Write(background, func(tx *WriteTx) error {
		_, err := tx.Exec(background, "INSERT INTO t VALUES (1)")
		return err
	}))
	mine := errors.New("mine")
	err := db.Write(background, func(tx *WriteTx) error {
		must(t, tx.Script(background, "INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)"))
		return mine
	})
	if err != mine {
		t.Errorf("got %v", err)
	}
	err = db.Write(background, func(tx *WriteTx) error {
		_, err := tx.Exec(background, "INSERT INTO t VALUES (1)")
		wantError(t, err, ErrConstraint, "t.v")
		_, err = tx.Exec(background, "INSERT INTO t VALUES (4)") // the transaction goes on
		return err
	})
	must(t, err)
	if n := one[int](t, db, "SELECT sum(v) FROM t"); n != 5 {
		t.Errorf("the sum is %d", n)
	}
	if h := health(t, db); h.DirtyLeases != 0 {
		t.Errorf("%d leases came back dirty", h.DirtyLeases)
	}
	idle(t, db)
}

func TestWrite_RollsBackAndPanicsOn(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	func() {
		defer func() {
			if p := recover(); p != "at the disco" {
				t.Errorf("recovered %v", p)
			}
		}()
		db.Write(background, func(tx *WriteTx) error {
			tx.Exec(background, "INSERT INTO t VALUES (1)")
			tx.Savepoint(func(tx *WriteTx) error {
				tx.Exec(background, "INSERT INTO t VALUES (2)")
				panic("at the disco")
			})
			return nil
		})
	}()
	func() {
		defer func() { recover() }()
		db.Read(background, func(*ReadTx) error { panic("here too") })
	}()
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 0 {
		t.Errorf("%d rows", n)
	}
	idle(t, db)
}

func TestWrite_RollsBackOnGoexit(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	done := make(chan struct{})
	go func() {
		defer close(done)
		db.Write(background, func(tx *WriteTx) error {
			tx.Exec(background, "INSERT INTO t VALUES (1)")
			runtime.Goexit()
			return nil
		})
	}()
	<-done
	mustExec(t, db, "INSERT INTO t VALUES (2)")
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestSavepoint_KeepsOrUndoesItsPart(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	insert := func(tx *WriteTx, v int) {
		_, err := tx.Exec(background, "INSERT INTO t VALUES (?)", v)
		must(t, err)
	}
	mine := errors.New("mine")
	must(t, db.Write(background, func(tx *WriteTx) error {
		insert(tx, 1)
		must(t, tx.Savepoint(func(tx *WriteTx) error {
			insert(tx, 10)
			err := tx.Savepoint(func(tx *WriteTx) error {
				insert(tx, 100)
				return mine
			})
			if err != mine {
				t.Errorf("got %v", err)
			}
			return nil
		}))
		wantError(t, tx.Savepoint(nil), ErrMisuse)
		return nil
	}))
	if n := one[int](t, db, "SELECT sum(v) FROM t"); n != 11 {
		t.Errorf("the sum is %d", n)
	}
}

func TestWrite_ClosesRowsThatWereLeftOpen(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	must(t, db.Write(background, func(tx *WriteTx) error {
		rows, err := tx.Query(background, thousands, 5000)
		must(t, err)
		rows.Next()
		_, err = tx.Exec(background, "INSERT INTO t VALUES (1)")
		return err
	}))
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 1 {
		t.Errorf("%d rows", n)
	}
	idle(t, db)
}

func TestWrite_TellsOfADeferredConstraint(t *testing.T) {
	db := openTest(t, nil)
	must(t, db.Script(background, `CREATE TABLE a(id INTEGER PRIMARY KEY);
		CREATE TABLE b(a REFERENCES a DEFERRABLE INITIALLY DEFERRED)`))
	err := db.Write(background, func(tx *WriteTx) error {
		_, err := tx.Exec(background, "INSERT INTO b VALUES (7)")
		return err
	})
	wantError(t, err, ErrConstraint)
	e := err.(*Error)
	if e.CodeName() != "SQLITE_CONSTRAINT_FOREIGNKEY" || e.ExtendedCode != 787 || e.Code != 19 || e.Outcome != NotApplied {
		t.Errorf("%s %d %d %s", e.CodeName(), e.ExtendedCode, e.Code, e.Outcome)
	}
	if n := one[int](t, db, "SELECT count(*) FROM b"); n != 0 {
		t.Errorf("%d rows", n)
	}
	idle(t, db)
}

func TestWrite_WithItsContextSaysDeadlock(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	var after context.Context
	must(t, db.Write(WithWhy(background, "outer"), func(tx *WriteTx) error {
		ctx := tx.Context()
		after = ctx
		_, err := db.Exec(ctx, "INSERT INTO t VALUES (1)")
		wantError(t, err, ErrDeadlock, "Savepoint")
		wantError(t, db.Write(WithWhy(ctx, "inner"), func(*WriteTx) error { return nil }), ErrDeadlock)
		_, err = db.Batch(ctx, []Statement{{SQL: "INSERT INTO t VALUES (1)"}})
		wantError(t, err, ErrDeadlock)
		_, err = db.Checkpoint(ctx, CheckpointPassive)
		wantError(t, err, ErrDeadlock)
		if n := len(carriedBy(ctx).why); n != len("outer") {
			t.Error("the label is lost")
		}
		_, err = tx.Exec(ctx, "INSERT INTO t VALUES (2)")
		must(t, err)
		var count int // readers do not wait for the writer
		return db.QueryRow(ctx, "SELECT count(*) FROM t").Scan(&count)
	}))
	_, err := db.Exec(after, "INSERT INTO t VALUES (3)") // it has ended
	must(t, err)
}

func TestWrite_AnotherWriterWaitsUntilItsDeadlineAndSaysForWhom(t *testing.T) {
	db := openTest(t, nil)
	must(t, db.Write(WithWhy(background, "nightly import"), func(tx *WriteTx) error {
		ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
		defer cancel()
		_, err := db.Exec(ctx, "CREATE TABLE t(v)")
		wantError(t, err, ErrTimeout)
		if !errors.Is(err, context.DeadlineExceeded) || err.(*Error).Phase != PhaseQueue || !err.(*Error).Timeout() {
			t.Errorf("%v in phase %s", err, err.(*Error).Phase)
		}
		_, err = db.Exec(NoWait(background), "CREATE TABLE t(v)")
		wantError(t, err, ErrTimeout, "nightly import")
		if errors.Is(err, context.DeadlineExceeded) {
			t.Error("there was no deadline in the context")
		}
		return nil
	}))
}

func TestTx_UsedByTwoGoroutinesAtOnceIsBusyForOne(t *testing.T) {
	db := openTest(t, nil)
	stop, cancel := context.WithCancel(background)
	must(t, db.Read(background, func(tx *ReadTx) error {
		var wg sync.WaitGroup
		wg.Add(1)
		go func() {
			defer wg.Done()
			wantErrorLater(t, occupy(stop, tx.QueryRow), ErrCanceled)
		}()
		eventually(t, "the transaction is busy", func() bool {
			return errors.Is(tx.QueryRow(background, "SELECT 1").Err(), ErrBusy)
		})
		cancel()
		wg.Wait()
		return tx.QueryRow(background, "SELECT 1").Err()
	}))
	idle(t, db)
}

// occupy runs a statement that does not end, once the transaction is not busy
// with the test's own look at it.
func occupy(ctx context.Context, query func(context.Context, string, ...any) *Row) error {
	for {
		if err := query(ctx, endless).Err(); !errors.Is(err, ErrBusy) {
			return err
		}
	}
}

// wantErrorLater is wantError for a goroutine that is not the test's.
func wantErrorLater(t testing.TB, err error, status Status) {
	if !errors.Is(err, status) {
		t.Errorf("got error %v, want %s", err, status.Name())
	}
}

func TestTx_EndsAfterCallsOfOtherGoroutines(t *testing.T) {
	db := openTest(t, nil)
	stop, cancel := context.WithCancel(background)
	result := make(chan error, 1)
	must(t, db.Write(background, func(tx *WriteTx) error {
		go func() { result <- occupy(stop, tx.QueryRow) }()
		eventually(t, "the transaction is busy", func() bool {
			return errors.Is(tx.QueryRow(background, "SELECT 1").Err(), ErrBusy)
		})
		time.AfterFunc(10*time.Millisecond, cancel)
		return nil // Write waits for the goroutine, and then commits
	}))
	wantError(t, <-result, ErrCanceled)
	idle(t, db)
}
