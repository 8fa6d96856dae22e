package walpool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
)

// contractAnswer is what a step gave, as far as it has such.
type contractAnswer struct {
	columns []string
	rows    [][]any
	res     Result
	results []contractAnswer
	leases  []fields
	fields  fields // of a checkpoint or health
}

func (run *contractRun) do(step fields) (*contractAnswer, error) {
	ctx, cancel := run.context(step)
	defer cancel()
	verb := step["do"].(string)
	switch verb {
	case "open":
		return nil, run.open(ctx, step)
	case "token":
		c, stop := context.WithCancel(context.Background())
		run.add(step["as"].(string), &contractToken{c, stop})
		return nil, nil
	case "elsewhere":
		return nil, writeElsewhere(run.expand(step["name"].(string)), step["sql"].(string))
	case "drop":
		run.drop(step["on"].(string))
		return nil, nil
	case "make", "move", "overwrite", "remember", "unchanged", "present", "absent":
		return nil, run.file(verb, step)
	}
	on, ok := step["on"].(string)
	if !ok {
		on = "db"
	}
	switch target := run.find(on).(type) {
	case *DB:
		return run.onDB(ctx, verb, target, step)
	case *lease:
		return run.onLease(ctx, verb, target, step)
	case *Stmt:
		return nil, target.Close()
	case *Rows:
		return onRows(ctx, verb, target, step)
	case *contractToken:
		target.cancel()
		return nil, nil
	case chan error:
		return nil, <-target
	}
	return nil, fmt.Errorf("there is no %q", on)
}

func (run *contractRun) open(ctx context.Context, step fields) error {
	var text []string
	options, _ := step["options"].(fields)
	for key, value := range options {
		text = append(text, url.PathEscape(key)+"="+url.PathEscape(value.(string)))
	}
	db, err := openUntil(ctx, run.expand(step["name"].(string)), strings.Join(text, "&"))
	if err == nil {
		run.add(cmpOr(step["as"], "db"), db)
	}
	return err
}

func cmpOr(v any, otherwise string) string {
	if s, ok := v.(string); ok {
		return s
	}
	return otherwise
}

func (run *contractRun) onDB(ctx context.Context, verb string, db *DB, step fields) (*contractAnswer, error) {
	switch verb {
	case "close":
		if ms, ok := step["timeout"].(json.Number); ok {
			n, _ := ms.Int64()
			return nil, db.closeIn(n)
		}
		return nil, db.Close()
	case "prepare":
		s, err := db.Prepare(ctx, contractSQL(step["sql"]))
		if err != nil {
			return nil, err
		}
		run.add(step["as"].(string), s)
		return &contractAnswer{columns: s.Columns()}, nil
	case "acquire":
		kind := int32(kindRead)
		if step["kind"] == "write" {
			kind = kindWrite
		}
		l, err := db.acquire(ctx, kind)
		if err == nil {
			run.add(step["as"].(string), l)
		}
		return nil, err
	case "batch":
		return run.batch(ctx, db, step)
	case "checkpoint":
		return contractCheckpoint(ctx, db, step)
	case "maintain":
		return contractMaintain(ctx, db, step)
	case "check":
		return contractCheck(ctx, db, step)
	case "backup":
		return nil, db.Backup(ctx, run.expand(step["path"].(string)), contractBackup(step))
	case "restore":
		return nil, db.Restore(ctx, run.expand(step["path"].(string)))
	case "leases":
		return contractLeases(db)
	case "health", "await":
		return run.health(db, step)
	case "execute", "executemany", "script":
		return run.sql(ctx, verb, db.writer(), step)
	}
	return run.sql(ctx, verb, db.reader(), step)
}

func (run *contractRun) onLease(ctx context.Context, verb string, l *lease, step fields) (*contractAnswer, error) {
	switch verb {
	case "begin", "fresh":
		return nil, l.begin(ctx)
	case "commit":
		return nil, l.commit(ctx)
	case "savepoint":
		return nil, l.savepoint()
	case "rollback":
		return nil, l.rollback()
	case "release":
		return nil, l.release()
	}
	return run.sql(ctx, verb, l.target(), step)
}

// source reads SQL: a text, or the name of what a step has prepared.
func (run *contractRun) source(v any) source {
	if named, ok := v.(fields); ok && named["prepared"] != nil {
		return source{stmt: run.find(named["prepared"].(string)).(*Stmt)}
	}
	return text(contractSQL(v))
}

// sql runs the verbs that have a statement.
func (run *contractRun) sql(ctx context.Context, verb string, t *target, step fields) (*contractAnswer, error) {
	sql := run.source(step["sql"])
	args := contractArgs(step["params"])
	switch verb {
	case "iterate":
		rows, err := t.query(context.WithoutCancel(ctx), sql, args)
		if err == nil {
			run.add(step["as"].(string), rows)
		}
		return nil, err
	case "script":
		_, err := t.exec(ctx, callScript, sql, nil)
		return nil, err
	case "executemany":
		return contractMany(ctx, t, sql, step)
	case "query_one":
		return contractOne(t.queryRow(ctx, sql, args))
	}
	if verb == "execute" && !wantsRows(step) {
		res, err := t.exec(ctx, 0, sql, args)
		return &contractAnswer{res: res}, err
	}
	rows, err := t.query(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	return gather(rows, -1)
}

func wantsRows(step fields) bool {
	expect, _ := step["expect"].(fields)
	for _, name := range []string{"rows", "row_count", "first", "last", "columns"} {
		if _, ok := expect[name]; ok {
			return true
		}
	}
	return false
}

func contractOne(row *Row) (*contractAnswer, error) {
	values := make([]any, row.Len())
	into := make([]any, row.Len())
	for i := range into {
		into[i] = &values[i]
	}
	err := row.Scan(into...)
	if errors.Is(err, ErrNoRows) {
		return &contractAnswer{}, nil
	}
	return &contractAnswer{rows: [][]any{values}}, err
}

func contractMany(ctx context.Context, t *target, from source, step fields) (*contractAnswer, error) {
	var lists [][]any
	for _, params := range step["param_rows"].([]any) {
		lists = append(lists, contractArgs(params))
	}
	if !wantsRows(step) {
		b := bulk{t: t, ctx: ctx, from: from}
		res, err := b.run(iter.Seq[[]any](slices.Values(lists)))
		return &contractAnswer{res: res}, err
	}
	// Rows of many runs: only a batch gives them.
	results, err := t.db.Batch(ctx, []Statement{{SQL: from.sql, Stmt: from.stmt, Many: lists}})
	if err != nil {
		return nil, err
	}
	return batchAnswer(results[0])
}

// gather takes up to count rows; -1 takes all and closes.
func gather(rows *Rows, count int) (*contractAnswer, error) {
	answer := &contractAnswer{columns: rows.Columns(), res: rows.Result()}
	for len(answer.rows) != count && rows.Next() {
		row := make([]any, rows.Row().Len())
		for i := range row {
			row[i] = rows.Row().Any(i)
		}
		answer.rows = append(answer.rows, row)
	}
	return answer, rows.Err()
}

// onRows takes rows. The context of a Rows is its query's; a step of `next` that
// brings one gives it to the blocks to come.
func onRows(ctx context.Context, verb string, rows *Rows, step fields) (*contractAnswer, error) {
	if verb == "close" {
		return nil, rows.Close()
	}
	if ctx.Done() != nil {
		rows.call.end()
		if err := rows.call.begin(ctx); err != nil {
			return nil, err
		}
		defer rows.call.end()
	}
	count, _ := step["count"].(json.Number).Int64()
	return gather(rows, int(count))
}

func (run *contractRun) batch(ctx context.Context, db *DB, step fields) (*contractAnswer, error) {
	var statements []Statement
	for _, s := range step["statements"].([]any) {
		s := s.(fields)
		from := run.source(s["sql"])
		statement := Statement{
			SQL: from.sql, Stmt: from.stmt, Args: contractArgs(s["params"]), Expect: contractExpect(s),
		}
		if lists, ok := s["param_rows"].([]any); ok {
			statement.Many = [][]any{}
			for _, params := range lists {
				statement.Many = append(statement.Many, contractArgs(params))
			}
		}
		statements = append(statements, statement)
	}
	results, err := db.Batch(ctx, statements)
	answer := &contractAnswer{}
	for _, result := range results {
		a, err := batchAnswer(result)
		if err != nil {
			return nil, err
		}
		answer.results = append(answer.results, *a)
	}
	return answer, err
}

func contractLeases(db *DB) (*contractAnswer, error) {
	leases, err := db.Leases()
	answer := &contractAnswer{leases: []fields{}}
	for _, l := range leases {
		answer.leases = append(answer.leases, fields{
			"kind": l.Kind, "holder": l.Holder, "why": l.Why, "thread": l.Thread,
			"age_us": l.Age.Microseconds(), "frames": l.Frames, "stack": len(l.Stack),
		})
	}
	return answer, err
}

func batchAnswer(result BatchResult) (*contractAnswer, error) {
	answer := &contractAnswer{}
	var err error
	if result.Rows != nil {
		answer, err = gather(result.Rows, -1)
	}
	answer.res = result.Result
	return answer, err
}

func contractCheckpoint(ctx context.Context, db *DB, step fields) (*contractAnswer, error) {
	mode := slices.Index([]string{"passive", "full", "restart", "truncate"}, step["mode"].(string))
	res, err := db.Checkpoint(ctx, CheckpointMode(mode))
	busy := 0
	if res.Busy {
		busy = 1
	}
	return &contractAnswer{fields: fields{
		"outcome": res.Outcome.String(), "busy": busy,
		"log_frames": res.LogFrames, "checkpointed_frames": res.CheckpointedFrames,
		"pinned_pid": res.PinnedPID, "pinned_frame": res.PinnedFrame, "pinned_why": res.PinnedWhy,
	}}, err
}

func contractBackup(step fields) *BackupOptions {
	options := &BackupOptions{Pause: -1}
	options.Replace, _ = step["replace"].(bool)
	switch step["check"] {
	case "full":
		options.Check = BackupCheckFull
	case "none":
		options.Check = BackupCheckNone
	}
	if n, ok := step["pages"].(json.Number); ok {
		pages, _ := n.Int64()
		options.Pages = int(pages)
	}
	return options
}

func contractMaintain(ctx context.Context, db *DB, step fields) (*contractAnswer, error) {
	var done Maintenance
	var err error
	switch step["task"] {
	case "optimize":
		done, err = db.Optimize(ctx)
	case "vacuum":
		done, err = db.Vacuum(ctx)
	default:
		var pages int64
		if n, ok := step["pages"].(json.Number); ok {
			pages, _ = n.Int64()
		}
		done, err = db.IncrementalVacuum(ctx, pages)
	}
	complete := 0
	if done.Complete {
		complete = 1
	}
	return &contractAnswer{fields: fields{
		"freed": int(done.PagesBefore - done.PagesAfter), "page_size": done.PageSize,
		"free_pages": int(done.FreePages), "tables": int(done.Tables), "wal_frames": int(done.WALFrames),
		"wal_frames_checkpointed": int(done.WALFramesCheckpointed), "complete": complete,
	}}, err
}

func contractCheck(ctx context.Context, db *DB, step fields) (*contractAnswer, error) {
	full, _ := step["full"].(bool)
	problems, err := db.Check(ctx, full)
	answer := &contractAnswer{}
	for _, p := range problems {
		answer.rows = append(answer.rows, []any{string(p.Kind), p.Message, p.Table, p.Parent, p.Rows})
	}
	return answer, err
}

func (run *contractRun) health(db *DB, step fields) (*contractAnswer, error) {
	text, err := db.HealthJSON()
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	now := fields{}
	if err := decoder.Decode(&now); err != nil {
		return nil, err
	}
	if name, ok := step["save"].(string); ok {
		run.add(name, now)
	}
	if name, ok := step["since"].(string); ok {
		now = subtract(now, run.find(name).(fields))
	}
	return &contractAnswer{fields: now}, nil
}

func subtract(now, before fields) fields {
	difference := fields{}
	for name, value := range now {
		difference[name] = value
		if number, ok := value.(json.Number); ok {
			a, errA := number.Int64()
			b, errB := before[name].(json.Number).Int64()
			if errA == nil && errB == nil {
				difference[name] = a - b
			}
		}
	}
	return difference
}
