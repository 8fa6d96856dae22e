package walpool

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Large results, row by row as a formula has them, one and many at once.

const (
	patience  = 2 * time.Minute
	largeRows = 20000
	largeSQL  = "SELECT i, a, b FROM big ORDER BY i"
	largeMake = `CREATE TABLE big(i INTEGER PRIMARY KEY, a, b);
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 20000)
		INSERT INTO big SELECT i, CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'row ' || i
			WHEN 3 THEN 'grüße, 漢字, 🙂 ' || i WHEN 4 THEN 'a' || char(0) || i
			WHEN 5 THEN i * 307445734561825 ELSE i / 8.0 END,
			CASE WHEN i % 4001 = 4000 THEN zeroblob(32000 + i) WHEN i % 3 = 0 THEN CAST(i AS BLOB)
			WHEN i % 3 = 1 THEN x'' END FROM n`
)

// largeRow gives the values that the SQL above has made.
func largeRow(i int) (a, b any) {
	switch i % 7 {
	case 0:
		a = nil
	case 1:
		a = ""
	case 2:
		a = "row " + strconv.Itoa(i)
	case 3:
		a = "grüße, 漢字, 🙂 " + strconv.Itoa(i)
	case 4:
		a = "a\x00" + strconv.Itoa(i)
	case 5:
		a = int64(i) * 307445734561825
	default:
		a = float64(i) / 8
	}
	switch {
	case i%4001 == 4000:
		b = make([]byte, 32000+i)
	case i%3 == 0:
		b = []byte(strconv.Itoa(i))
	case i%3 == 1:
		b = []byte{}
	}
	return a, b
}

// checkLarge compares all rows and closes them.
func checkLarge(rows *Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	i := 0
	for row, err := range rows.All() {
		if err != nil {
			return err
		}
		a, b := largeRow(i)
		if row.Int64(0) != int64(i) || !sameValue(a, row.Any(1)) || !sameValue(b, row.Any(2)) {
			return fmt.Errorf("row %d is %.100v, %.100v", i, row.Any(1), row.Any(2))
		}
		i++
	}
	if i != largeRows {
		return fmt.Errorf("%d rows", i)
	}
	return rows.Err()
}

// checkScan reads into variables, whose memory is used again.
func checkScan(rows *Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	var n int64
	var a any
	var blob []byte
	for i := 0; rows.Next(); i++ {
		if err := rows.Scan(&n, &a, &blob); err != nil {
			return err
		}
		wantA, b := largeRow(i)
		want, _ := b.([]byte)
		if n != int64(i) || !sameValue(wantA, a) || !bytes.Equal(want, blob) || (blob == nil) != (b == nil) {
			return fmt.Errorf("row %d is %d, %.100v, %.100v", i, n, a, blob)
		}
	}
	return rows.Err()
}

var largeWays = []func(context.Context, *DB) error{
	func(ctx context.Context, db *DB) error { return checkLarge(db.Query(ctx, largeSQL)) },
	func(ctx context.Context, db *DB) error { return checkScan(db.Query(ctx, largeSQL)) },
	func(ctx context.Context, db *DB) error {
		return db.Read(ctx, func(tx *ReadTx) error {
			if err := checkLarge(tx.Query(ctx, largeSQL)); err != nil {
				return err
			}
			if err := tx.Fresh(ctx); err != nil {
				return err
			}
			return checkScan(tx.Query(ctx, largeSQL))
		})
	},
	func(ctx context.Context, db *DB) error {
		all, err := db.Prepare(ctx, largeSQL)
		if err != nil {
			return err
		}
		defer all.Close()
		return checkLarge(all.Query(ctx))
	},
}

func TestLarge_EveryRowIsAsItWasWritten(t *testing.T) {
	db := openTest(t, nil)
	must(t, db.Script(background, largeMake))
	for _, callers := range []int{1, 2, 8} {
		t.Run(strconv.Itoa(callers)+" at once", func(t *testing.T) {
			ctx, cancel := context.WithTimeout(background, patience)
			defer cancel()
			var wg sync.WaitGroup
			for first := range callers {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for n := range largeWays {
						way := (first + n) % len(largeWays)
						if err := largeWays[way](ctx, db); err != nil {
							t.Errorf("way %d: %v", way, err)
						}
					}
				}()
			}
			wg.Wait()
			idle(t, db)
		})
	}
}

func TestLarge_IsOneSnapshotWhileAWriterCommits(t *testing.T) {
	db := openTest(t, nil)
	must(t, db.Script(background, `CREATE TABLE age(i INTEGER PRIMARY KEY, n INTEGER);
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 10000)
		INSERT INTO age SELECT i, 0 FROM n`))
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	stop, stopped := make(chan struct{}), make(chan int)
	go func() {
		for commits := 0; ; commits++ {
			select {
			case <-stop:
				stopped <- commits
				return
			default:
			}
			if _, err := db.Exec(ctx, "UPDATE age SET n = n + 1"); err != nil {
				t.Error(err)
			}
		}
	}()
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			newest := int64(0)
			for range 5 {
				age, err := oneAge(ctx, db, newest)
				if err != nil {
					t.Error(err)
					return
				}
				newest = age
			}
		}()
	}
	wg.Wait()
	close(stop)
	if commits := <-stopped; one[int](t, db, "SELECT n FROM age LIMIT 1") != commits {
		t.Errorf("%d commits", commits)
	}
	idle(t, db)
}

// oneAge reads all rows, which must be of one commit, and of none older than
// one seen before.
func oneAge(ctx context.Context, db *DB, newest int64) (int64, error) {
	var least int64
	if err := db.QueryRow(ctx, "SELECT n FROM age WHERE i = 0").Scan(&least); err != nil {
		return 0, err
	}
	rows, err := db.Query(ctx, "SELECT i, n, 'row ' || i FROM age ORDER BY i")
	if err != nil {
		return 0, err
	}
	age, count := int64(-1), int64(0)
	for row, err := range rows.All() {
		if err != nil {
			return 0, err
		}
		if age < 0 {
			age = row.Int64(1)
		}
		if row.Int64(0) != count || row.Int64(1) != age {
			return 0, fmt.Errorf("row %d is %d of commit %d, not %d", count, row.Int64(0), row.Int64(1), age)
		}
		count++
	}
	if count != 10000 || least < newest || age < least {
		return 0, fmt.Errorf("%d rows of commit %d, after %d and %d", count, age, newest, least)
	}
	return age, nil
}

func TestLarge_MayEndAfterAnyRow(t *testing.T) {
	db := openTest(t, &Options{Readers: 1})
	must(t, db.Script(background, largeMake))
	for _, count := range []int{1, 2, 15, 16, 17, 100, 1000, 10000, largeRows - 1, largeRows} {
		for _, closes := range []bool{true, false} { // or the loop that ends does it
			rows, err := db.Query(NoWait(background), largeSQL)
			must(t, err)
			seen := 0
			if closes {
				for seen < count && rows.Next() {
					seen++
				}
				must(t, rows.Close())
			} else {
				for range rows.All() {
					if seen++; seen == count {
						break
					}
				}
			}
			if n := one[int](t, db, "SELECT 1"); n != 1 || seen != count {
				t.Errorf("%d rows of %d", seen, count)
			}
			idle(t, db)
		}
	}
}
