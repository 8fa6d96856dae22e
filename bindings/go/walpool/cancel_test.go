package walpool

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestCancel_EndsARunningStatement(t *testing.T) {
	db := openTest(t, nil)
	ctx, cancel := context.WithCancel(background)
	time.AfterFunc(5*time.Millisecond, cancel)
	err := db.QueryRow(ctx, endless).Err()
	wantError(t, err, ErrCanceled)
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrTimeout) || err.(*Error).Phase != PhaseExecute {
		t.Errorf("%v in phase %s", err, err.(*Error).Phase)
	}
	idle(t, db)
}

func TestCancel_TellsItsCause(t *testing.T) {
	db := openTest(t, nil)
	mine := errors.New("mine")
	ctx, cancel := context.WithCancelCause(background)
	time.AfterFunc(5*time.Millisecond, func() { cancel(mine) })
	err := db.QueryRow(ctx, endless).Err()
	wantError(t, err, ErrCanceled)
	if !errors.Is(err, mine) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDeadline_EndsARunningStatement(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	ctx, cancel := context.WithTimeout(background, 5*time.Millisecond)
	defer cancel()
	_, err := db.Exec(ctx, "INSERT INTO t "+endless)
	wantError(t, err, ErrTimeout)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-ctx.Done()
	_, err = db.Exec(ctx, "INSERT INTO t VALUES (1)") // it is over already
	wantError(t, err, ErrTimeout)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 0 {
		t.Errorf("%d rows", n)
	}
	idle(t, db)
}

func TestBusyTimeout_BoundsTheWaitOfAContextWithoutDeadline(t *testing.T) {
	db := openTest(t, &Options{BusyTimeout: 5 * time.Millisecond})
	must(t, db.Write(background, func(*WriteTx) error {
		_, err := db.Exec(background, "CREATE TABLE t(v)")
		wantError(t, err, ErrTimeout, "5 ms")
		if errors.Is(err, context.DeadlineExceeded) || err.(*Error).Phase != PhaseQueue {
			t.Errorf("%v in phase %s", err, err.(*Error).Phase)
		}
		return nil
	}))
	// It does not bound running, and a deadline wins.
	ctx, cancel := context.WithTimeout(background, time.Hour)
	time.AfterFunc(20*time.Millisecond, cancel)
	wantError(t, db.QueryRow(ctx, endless).Err(), ErrCanceled)
	ctx, cancel = context.WithCancel(background)
	time.AfterFunc(20*time.Millisecond, cancel)
	wantError(t, db.QueryRow(ctx, endless).Err(), ErrCanceled)
	idle(t, db)
}

func TestCancel_EndsAWait(t *testing.T) {
	db := openTest(t, &Options{Readers: 1})
	for _, wait := range []func(context.Context) error{
		func(ctx context.Context) error { return db.QueryRow(ctx, "SELECT 1").Err() },
		func(ctx context.Context) error { return db.Read(ctx, func(*ReadTx) error { return nil }) },
		func(ctx context.Context) error { return db.Write(ctx, func(*WriteTx) error { return nil }) },
		func(ctx context.Context) error { _, err := db.Exec(ctx, "CREATE TABLE t(v)"); return err },
	} {
		must(t, db.Write(background, func(*WriteTx) error {
			return db.Read(background, func(*ReadTx) error {
				ctx, cancel := context.WithCancel(background)
				go func() {
					for h := health(t, db); h.ReaderWaiters+h.WriterWaiters == 0; h = health(t, db) {
						runtime.Gosched()
					}
					cancel()
				}()
				err := wait(ctx)
				wantError(t, err, ErrCanceled)
				if err.(*Error).Phase != PhaseQueue {
					t.Errorf("phase %s", err.(*Error).Phase)
				}
				return nil
			})
		}))
	}
	idle(t, db)
}

func TestCancel_EndsRowsAtTheEndOfABlock(t *testing.T) {
	db := openTest(t, nil)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	rows, err := db.Query(ctx, thousands, 100000)
	must(t, err)
	count := 0
	for rows.Next() {
		if count++; count == 10 {
			cancel()
		}
	}
	wantError(t, rows.Err(), ErrCanceled)
	if count < 10 || count > 5000 {
		t.Errorf("%d rows", count)
	}
	idle(t, db)
}

func TestCancel_RollsBackATransaction(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	ctx, cancel := context.WithCancel(background)
	err := db.Write(ctx, func(tx *WriteTx) error {
		_, err := tx.Exec(ctx, "INSERT INTO t VALUES (1)")
		cancel()
		return err
	})
	wantError(t, err, ErrCanceled)
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 0 {
		t.Errorf("%d rows", n)
	}
	idle(t, db)
}

func TestCancel_AfterTheCallStrikesNothingElse(t *testing.T) {
	db := openTest(t, &Options{Readers: 1})
	for range 300 {
		ctx, cancel := context.WithCancel(background)
		must(t, db.QueryRow(ctx, "SELECT 1").Err())
		cancel()
		must(t, db.QueryRow(background, "SELECT 1").Err())
	}
	if h := health(t, db); h.Cancels != 0 {
		t.Errorf("%d cancels", h.Cancels)
	}
}

// Every result must be whole, or the error be that of the context; what was
// not acknowledged must not be there.
func TestCancel_AtAnyMoment(t *testing.T) {
	db := openTest(t, &Options{Readers: 2})
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY)")
	var acknowledged, canceled atomic.Int64
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			for range 300 {
				ctx, cancel := context.WithCancel(background)
				timer := time.AfterFunc(time.Duration(random.IntN(400))*time.Microsecond, cancel)
				n, err := cancelTask(ctx, db, random.IntN(4))
				acknowledged.Add(n)
				if err != nil {
					wantErrorLater(t, err, ErrCanceled)
					if o := err.(*Error).Outcome; o != NotApplied {
						t.Errorf("%v: %s", err, o)
					}
					canceled.Add(1)
				}
				timer.Stop()
				cancel()
			}
		}()
	}
	wg.Wait()
	if n := one[int64](t, db, "SELECT count(*) FROM t"); n != acknowledged.Load() {
		t.Errorf("%d rows, %d acknowledged", n, acknowledged.Load())
	}
	if canceled.Load() == 0 {
		t.Error("nothing was canceled")
	}
	idle(t, db)
}

// cancelTask does one of several things, and returns how many rows it stored.
func cancelTask(ctx context.Context, db *DB, kind int) (int64, error) {
	switch kind {
	case 0:
		res, err := db.Exec(ctx, "INSERT INTO t DEFAULT VALUES")
		return res.Changes, err
	case 1:
		rows, err := db.Query(ctx, thousands, 2000)
		if err != nil {
			return 0, err
		}
		list, err := Collect(rows, func(r *Row) (int64, error) { return r.Int64(0), nil })
		if err == nil && len(list) != 2000 {
			err = errors.New("the result is cut")
		}
		return 0, err
	case 2:
		err := db.Write(ctx, func(tx *WriteTx) error {
			if _, err := tx.Exec(ctx, "INSERT INTO t DEFAULT VALUES"); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "INSERT INTO t DEFAULT VALUES")
			return err
		})
		if err != nil {
			return 0, err
		}
		return 2, nil
	}
	return 0, db.QueryRow(ctx, "SELECT count(*) FROM t").Scan(new(int64))
}
