package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/walpool/walpool/bindings/go/walpool"
)

// say writes one line for the demo, which reads them as JSON.
func say(told map[string]any) {
	line, err := json.Marshal(told)
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(append(line, '\n'))
}

// orders are what the demo tells this process by lines on standard input.
type orders struct {
	start chan struct{} // closed when the work may begin
	stop  chan struct{} // closed at the end of the input
	hold  atomic.Bool   // one worker is to keep its next job
}

func listen() *orders {
	o := &orders{start: make(chan struct{}), stop: make(chan struct{})}
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			switch lines.Text() {
			case "start":
				close(o.start)
			case "hold":
				o.hold.Store(true)
			}
		}
		close(o.stop)
	}()
	return o
}

func (o *orders) stopped() bool {
	select {
	case <-o.stop:
		return true
	default:
		return false
	}
}

// A meter times the calls to walpool, and counts those that failed because a
// lock was not to be had.
type meter struct {
	mu          sync.Mutex // guards all below
	calls       []int64    // microseconds, since the last report
	waits       []int64
	first, last time.Time
	jobs        int
	lockErrors  int
}

func (m *meter) called(began time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.first.IsZero() || began.Before(m.first) {
		m.first = began
	}
	m.last = time.Now()
	m.calls = append(m.calls, m.last.Sub(began).Microseconds())
}

// gotWriter is called first in a write transaction: until then it has waited.
func (m *meter) gotWriter(began time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waits = append(m.waits, time.Since(began).Microseconds())
}

func (m *meter) jobDone() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.jobs++
}

// tolerate counts a lock that was not to be had, and returns other errors.
func (m *meter) tolerate(err error) error {
	const sqliteBusy, sqliteLocked = 5, 6
	var failed *walpool.Error
	if !errors.As(err, &failed) {
		return err
	}
	switch {
	case failed.Status == walpool.ErrTimeout, failed.Status == walpool.ErrBusy,
		failed.Code == sqliteBusy, failed.Code == sqliteLocked:
		m.mu.Lock()
		defer m.mu.Unlock()
		m.lockErrors++
		return nil
	}
	return err
}

// report says the calls since the last report; all else is a total.
func (m *meter) report(db *walpool.DB) error {
	health, err := db.HealthJSON()
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	say(map[string]any{
		"event":       "report",
		"calls":       append([]int64{}, m.calls...),
		"waits":       append([]int64{}, m.waits...),
		"jobs":        m.jobs,
		"lock_errors": m.lockErrors,
		"active_us":   m.last.Sub(m.first).Microseconds(),
		"health":      json.RawMessage(health),
	})
	m.calls, m.waits = m.calls[:0], m.waits[:0]
	return nil
}

// reports reports ten times a second, until done is closed.
func (m *meter) reports(db *walpool.DB, done <-chan struct{}) error {
	for tick := time.Tick(100 * time.Millisecond); ; {
		select {
		case <-tick:
			if err := m.report(db); err != nil {
				return err
			}
		case <-done:
			return m.report(db)
		}
	}
}
