package walpool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

func TestGoroutines_ReadAndWriteAtOnce(t *testing.T) {
	db := openTest(t, &Options{Readers: 3})
	mustExec(t, db, "CREATE TABLE t(worker INTEGER, n INTEGER, UNIQUE (worker, n))")
	const workers, rounds = 8, 100
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := range rounds {
				if _, err := db.Exec(background, "INSERT INTO t VALUES (?, ?)", worker, n); err != nil {
					t.Error(err)
					return
				}
				var own int // its own writes are there
				err := db.QueryRow(background, "SELECT count(*) FROM t WHERE worker = ?", worker).Scan(&own)
				if err != nil || own != n+1 {
					t.Errorf("worker %d: %d of %d, %v", worker, own, n+1, err)
					return
				}
			}
		}()
	}
	wg.Wait()
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != workers*rounds {
		t.Errorf("%d rows", n)
	}
	idle(t, db)
}

func TestGoroutines_TakeOverTransactionsAndRowsOnOtherThreads(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	elsewhere := func(do func()) { // on a thread that ends with the goroutine
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread()
			do()
		}()
		<-done
	}
	var rows *Rows
	must(t, db.Write(background, func(tx *WriteTx) error {
		for i := range 20 {
			elsewhere(func() {
				if _, err := tx.Exec(background, "INSERT INTO t VALUES (?)", i); err != nil {
					t.Error(err)
				}
			})
		}
		return nil
	}))
	elsewhere(func() { rows, _ = db.Query(background, thousands, 20000) })
	count := 0
	for more := true; more; {
		elsewhere(func() {
			for range 1000 {
				if more = rows.Next(); !more {
					break
				}
				count++
			}
		})
	}
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 20 || count != 20000 || rows.Err() != nil {
		t.Errorf("%d and %d rows, %v", n, count, rows.Err())
	}
}

func TestGoroutines_CloseWhileOthersCall(t *testing.T) {
	for range 20 {
		db, err := Open(background, filepath.Join(t.TempDir(), "a.db"), nil)
		must(t, err)
		mustExec(t, db, "CREATE TABLE t(v)")
		var wg sync.WaitGroup
		for worker := range 6 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for {
					var err error
					switch worker % 3 {
					case 0:
						_, err = db.Exec(background, "INSERT INTO t VALUES (1)")
					case 1:
						err = db.QueryRow(background, "SELECT count(*) FROM t").Scan(new(int))
					default:
						_, err = db.Health()
					}
					if err != nil {
						wantErrorLater(t, err, ErrClosed)
						return
					}
				}
			}()
		}
		var closers sync.WaitGroup
		for range 2 {
			closers.Add(1)
			go func() {
				defer closers.Done()
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			}()
		}
		closers.Wait()
		wg.Wait()
	}
}

func TestGoroutines_TransferBetweenAccountsWithoutLoss(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE account(id INTEGER PRIMARY KEY, sum INTEGER CHECK (sum >= 0))")
	mustExec(t, db, "INSERT INTO account VALUES (0, 1000), (1, 1000), (2, 1000)")
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			random := rand.New(rand.NewPCG(2, uint64(worker)))
			for range 100 {
				from, amount := random.IntN(3), random.IntN(400)
				err := db.Write(background, func(tx *WriteTx) error {
					if _, err := tx.Exec(background, "UPDATE account SET sum = sum + ? WHERE id = ?", amount, (from+1)%3); err != nil {
						return err
					}
					_, err := tx.Exec(background, "UPDATE account SET sum = sum - ? WHERE id = ?", amount, from)
					return err
				})
				if err != nil && !errors.Is(err, ErrConstraint) {
					t.Error(err)
				}
				var sum int
				if err := db.QueryRow(background, "SELECT sum(sum) FROM account").Scan(&sum); err != nil || sum != 3000 {
					t.Errorf("the sum is %d, %v", sum, err)
				}
			}
		}()
	}
	wg.Wait()
	idle(t, db)
}

func TestMemory_OfResultsIsTheirOwn(t *testing.T) {
	db := openTest(t, nil)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			want := fmt.Sprint("worker ", worker, " ")
			var kept []string
			for n := range 200 {
				rows, err := db.Query(background, "SELECT ? || i FROM (SELECT 0 AS i UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4)", want)
				if err != nil {
					t.Error(err)
					return
				}
				texts, err := Collect(rows, func(r *Row) (string, error) { return r.Text(0), nil })
				if err != nil {
					t.Error(err)
				}
				kept = append(kept, texts...)
				if n%50 == 0 {
					runtime.GC()
				}
			}
			for i, text := range kept {
				if text != fmt.Sprint(want, i%5) {
					t.Errorf("%q in place %d of worker %d", text, i, worker)
					return
				}
			}
		}()
	}
	wg.Wait()
}
