// Worker carries out the jobs of the demo: it claims one, works on it, and
// stores what it found.
//
//	worker DATABASE WORKERS LEASE_MS
package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/walpool/walpool/bindings/go/walpool"
)

// The oldest job that waits, or whose lease has run out.
const claimSQL = `
UPDATE job
   SET state = 'taken', holder = :holder, attempts = attempts + 1,
       expires = (SELECT ms FROM clock) + :lease
 WHERE id = (SELECT id FROM job
              WHERE state <> 'done' AND (state = 'waiting' OR expires <= (SELECT ms FROM clock))
              ORDER BY id LIMIT 1)
RETURNING id, record, attempts`

// Whether a claim would find one. It reads, and so is in nobody's way.
const lookSQL = `
SELECT EXISTS (SELECT 1 FROM job
                WHERE state <> 'done'
                  AND (state = 'waiting' OR expires <= (SELECT ms FROM clock)))`

// Nobody has claimed the job since: an attempt is one worker's alone.
const doneSQL = `
UPDATE job SET state = 'done', expires = NULL
 WHERE id = ? AND attempts = ? AND state = 'taken'`

const resultSQL = `INSERT INTO result (job, holder, attempt, digest, depends) VALUES (?, ?, ?, ?, ?)`

type job struct {
	id      int64
	record  string
	attempt int64
}

// errLost: the lease ran out, and another worker has the job.
var errLost = errors.New("the job was taken over")

type worker struct {
	*orders
	meter   *meter
	db      *walpool.DB
	holder  string
	leaseMS int
}

// claim takes a job, in one write transaction and one call.
func (w *worker) claim(ctx context.Context) ([]job, error) {
	began := time.Now()
	rows, err := w.db.ExecReturning(ctx, claimSQL,
		walpool.Named("holder", w.holder), walpool.Named("lease", w.leaseMS))
	if err != nil {
		return nil, err
	}
	w.meter.called(began)
	return walpool.Collect(rows, func(r *walpool.Row) (job, error) {
		return job{r.Int64(0), r.Text(1), r.Int64(2)}, nil
	})
}

// store stores what was found, and that the job is done: both or nothing.
func (w *worker) store(ctx context.Context, j job, digest []byte, depends string) error {
	began := time.Now()
	err := w.db.Write(ctx, func(tx *walpool.WriteTx) error {
		w.meter.gotWriter(began)
		done, err := tx.Exec(ctx, doneSQL, j.id, j.attempt)
		if err != nil {
			return err
		}
		if done.Changes == 0 {
			return errLost
		}
		_, err = tx.Exec(ctx, resultSQL, j.id, w.holder, j.attempt, digest, depends)
		return err
	})
	if err == nil {
		w.meter.called(began)
		w.meter.jobDone()
	}
	return err
}

func (w *worker) work(ctx context.Context, j job) error {
	digest := sha256.Sum256([]byte(j.record))
	depends, err := json.Marshal(dependencies(parse(j.record)))
	if err != nil {
		return err
	}
	return w.store(ctx, j, digest[:], string(depends))
}

// wait waits until there may be a job.
func (w *worker) wait(ctx context.Context) error {
	for found := false; !found; {
		select {
		case <-w.stop:
			return nil
		case <-time.After(10 * time.Millisecond):
		}
		if err := w.db.QueryRow(ctx, lookSQL).Scan(&found); err != nil {
			return err
		}
	}
	return nil
}

// step claims a job and carries it out, or waits where there is none.
func (w *worker) step(ctx context.Context) error {
	jobs, err := w.claim(ctx)
	if err != nil {
		return err
	}
	if len(jobs) == 0 {
		return w.wait(ctx)
	}
	if w.hold.CompareAndSwap(true, false) { // as one that hangs
		say(map[string]any{"event": "holding", "job": jobs[0].id})
		<-w.stop
		return nil
	}
	err = w.work(ctx, jobs[0])
	if errors.Is(err, errLost) {
		return nil
	}
	return err
}

func (w *worker) run(ctx context.Context) error {
	for !w.stopped() {
		if err := w.meter.tolerate(w.step(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// runAll runs the workers, and tells the first error.
func runAll(db *walpool.DB, m *meter, o *orders, workers, leaseMS int) error {
	ctx := walpool.WithWhy(context.Background(), "job")
	failed := make(chan error, workers)
	var all sync.WaitGroup
	for i := range workers {
		holder := fmt.Sprintf("go-%d/%d", os.Getpid(), i+1)
		w := &worker{o, m, db, holder, leaseMS}
		all.Add(1)
		go func() {
			defer all.Done()
			if err := w.run(ctx); err != nil {
				failed <- err
			}
		}()
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	go func() { failed <- m.reports(db, done) }()
	return <-failed
}

func run(path, workers, leaseMS string) error {
	n, err := strconv.Atoi(workers)
	if err != nil {
		return err
	}
	lease, err := strconv.Atoi(leaseMS)
	if err != nil {
		return err
	}
	db, err := walpool.Open(context.Background(), path, nil)
	if err != nil {
		return err
	}
	o := listen()
	say(map[string]any{"event": "ready"})
	select {
	case <-o.start:
		err = runAll(db, &meter{}, o, n, lease)
	case <-o.stop:
	}
	return errors.Join(err, db.Close())
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: worker DATABASE WORKERS LEASE_MS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		say(map[string]any{"event": "failed", "error": err.Error()})
		os.Exit(1)
	}
}
