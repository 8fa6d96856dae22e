// Writer is the kill loop's process in Go. crew.py, one folder up, tells what it
// is asked and what it answers.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/walpool/walpool/bindings/go/walpool"
)

const (
	add   = "INSERT INTO entry (writer, number, part, parts, way) VALUES (?, ?, ?, ?, ?)"
	count = "UPDATE writer SET total = total + ? WHERE id = ?"
	last  = "SELECT coalesce(max(number), 0) FROM entry WHERE writer = ?"
)

var errUndo = errors.New("undo")

func tell(word any) {
	fmt.Println(word) // os.Stdout has no buffer
}

type writer struct {
	db      *walpool.DB
	me      int64
	number  int64 // of the last transaction
	stopped chan struct{}
}

func (w *writer) single(ctx context.Context, number int64) error {
	_, err := w.db.Exec(ctx, add, w.me, number, 0, 1, "single")
	return err
}

func (w *writer) many(ctx context.Context, number int64) error {
	rows := [][]any{}
	for part := range 3 {
		rows = append(rows, []any{w.me, number, part, 3, "many"})
	}
	_, err := w.db.ExecMany(ctx, add, slices.Values(rows))
	return err
}

func (w *writer) batch(ctx context.Context, number int64) error {
	_, err := w.db.Batch(ctx, []walpool.Statement{
		{SQL: add, Args: []any{w.me, number, 0, 2, "batch"}},
		{SQL: count, Args: []any{2 * number, w.me}},
		{SQL: add, Many: [][]any{{w.me, number, 1, 2, "batch"}}},
	})
	return err
}

// add adds a part to the transaction.
func (w *writer) add(ctx context.Context, number int64, part int) func(*walpool.WriteTx) error {
	return func(tx *walpool.WriteTx) error {
		_, err := tx.Exec(ctx, add, w.me, number, part, 2, "lease")
		return err
	}
}

func (w *writer) fill(ctx context.Context, tx *walpool.WriteTx, number int64) error {
	if err := w.add(ctx, number, 0)(tx); err != nil {
		return err
	}
	if err := tx.Savepoint(w.add(ctx, number, 1)); err != nil {
		return err
	}
	err := tx.Savepoint(func(tx *walpool.WriteTx) error {
		return errors.Join(w.add(ctx, number, 2)(tx), errUndo)
	})
	if err.Error() != errUndo.Error() {
		return err
	}
	_, err = tx.Exec(ctx, count, 2*number, w.me)
	return err
}

func (w *writer) lease(ctx context.Context, number int64) error {
	return w.db.Write(ctx, func(tx *walpool.WriteTx) error { return w.fill(ctx, tx, number) })
}

func (w *writer) hold(ctx context.Context, number int64) error {
	return w.db.Write(ctx, func(tx *walpool.WriteTx) error {
		if err := w.fill(ctx, tx, number); err != nil {
			return err
		}
		tell("turn")
		<-w.stopped
		return nil
	})
}

func (w *writer) checkpoint(ctx context.Context, mode walpool.CheckpointMode) error {
	tell("checkpoint")
	_, err := w.db.Checkpoint(ctx, mode)
	return err
}

func (w *writer) read(ctx context.Context) error {
	var found int64
	err := w.db.QueryRow(ctx, last, w.me).Scan(&found)
	if err == nil && found != w.number {
		err = fmt.Errorf("number %d is written, %d is read", w.number, found)
	}
	return err
}

func (w *writer) step(ctx context.Context, letter byte) error {
	switch letter {
	case 'c':
		return w.checkpoint(ctx, walpool.CheckpointPassive)
	case 't':
		return w.checkpoint(ctx, walpool.CheckpointTruncate)
	case 'r':
		return w.read(ctx)
	}
	ways := map[byte]func(context.Context, int64) error{
		's': w.single, 'm': w.many, 'b': w.batch, 'l': w.lease, 'h': w.hold,
	}
	if err := ways[letter](ctx, w.number+1); err != nil {
		return err
	}
	w.number++
	tell(w.number)
	return nil
}

// work carries out the plan, again and again, until the input ends.
func (w *writer) work(ctx context.Context, plan string) error {
	for i := 0; ; i++ {
		select {
		case <-w.stopped:
			return nil
		default:
		}
		if err := w.step(ctx, plan[i%len(plan)]); err != nil {
			return err
		}
	}
}

func (w *writer) run(ctx context.Context, plan string) error {
	if _, err := w.db.Exec(ctx, "INSERT INTO writer (id) VALUES (?)", w.me); err != nil {
		return err
	}
	if err := w.work(ctx, plan); err != nil {
		return err
	}
	health, err := w.db.Health()
	if err == nil && health.Errors > 0 {
		err = fmt.Errorf("health counts %d errors", health.Errors)
	}
	return err
}

func run(name, me, plan string, stopped chan struct{}) error {
	id, err := strconv.ParseInt(me, 10, 64)
	if err != nil {
		return err
	}
	ctx := walpool.WithWhy(context.Background(), "killloop")
	tell("open")
	db, err := walpool.Open(ctx, name, nil)
	if err != nil {
		return err
	}
	w := &writer{db: db, me: id, stopped: stopped}
	if err := w.run(ctx, plan); err != nil {
		return err
	}
	tell("close")
	if err := db.Close(); err != nil {
		return err
	}
	tell("end")
	return nil
}

func main() {
	input := bufio.NewReader(os.Stdin)
	order, err := input.ReadString('\n')
	if err != nil {
		return // there is nothing to do
	}
	stopped := make(chan struct{})
	go func() { io.Copy(io.Discard, input); close(stopped) }()
	words := strings.Fields(order)
	if err := run(words[0], words[1], words[2], stopped); err != nil {
		tell("error " + err.Error())
		os.Exit(1)
	}
}
