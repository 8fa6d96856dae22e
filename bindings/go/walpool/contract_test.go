package walpool

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The contract scenarios of tests/contract, whose README defines the format:
// one subtest each. Objects that the public interface makes of functions
// (transactions) are leases here, so that their steps can be misused.

type fields = map[string]any

type scenarioFile struct {
	Room      string
	Scenarios []scenario
}

type scenario struct {
	Name  string
	Needs []string
	Open  *bool
	DSN   string
	Steps []fields
}

func contractAbilities() map[string]bool {
	return map[string]bool{
		"raw_text": true, "bool": true, "background": true, "whole_real": true,
		"named_options": true, // in a DSN
		"expect":        true, "once_key": true, "durability": true, "leases": true, "move": true, "coalesce": true,
		"collect":      true,
		"unprivileged": os.Getuid() != 0,
	}
}

func TestContract(t *testing.T) {
	files, _ := filepath.Glob("../../../tests/contract/*.json")
	if len(files) == 0 {
		t.Skip("the scenarios are not part of this copy of walpool")
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(strings.NewReader(string(text)))
		decoder.UseNumber()
		var file scenarioFile
		if err := decoder.Decode(&file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, s := range file.Scenarios {
			t.Run(file.Room+"/"+s.Name, func(t *testing.T) { runScenario(t, &s) })
		}
	}
}

// contractRun is one scenario under way.
type contractRun struct {
	dir     string
	mu      sync.Mutex // guards objects: background steps look there too
	objects map[string]any
	order   []string
	seen    map[string]string // of `remember`
}

type contractToken struct {
	ctx    context.Context
	cancel context.CancelFunc
}

func runScenario(t *testing.T, s *scenario) {
	t.Parallel()
	for _, need := range s.Needs {
		if !contractAbilities()[need] {
			t.Skipf("Go lacks %s", need)
		}
	}
	run := &contractRun{dir: t.TempDir(), objects: map[string]any{}}
	steps := s.Steps
	if s.Open == nil || *s.Open {
		open := fields{"do": "open", "as": "db", "name": "file:${dir}/test.db?" + s.DSN}
		steps = append([]fields{open}, steps...)
	}
	for i, step := range steps {
		if err := run.step(step); err != nil {
			text, _ := json.Marshal(step)
			t.Errorf("step %d: %v\n%.500s", i, err, text)
			break
		}
	}
	if err := run.end(); err != nil {
		t.Errorf("at the end: %v", err)
	}
}

// step runs one step, in a goroutine of its own if it says so.
func (run *contractRun) step(step fields) error {
	name, _ := step["background"].(string)
	if name == "" {
		return run.try(step)
	}
	done := make(chan error, 1)
	run.add(name, done)
	go func() { done <- run.try(step) }()
	return nil
}

// try runs a step and compares; `await` repeats it until they agree.
func (run *contractRun) try(step fields) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		answer, err := run.do(step)
		differs := run.compare(step, answer, err)
		if differs == nil || step["do"] != "await" || time.Now().After(deadline) {
			return differs
		}
		time.Sleep(time.Millisecond)
	}
}

func (run *contractRun) add(name string, object any) {
	run.mu.Lock()
	defer run.mu.Unlock()
	run.objects[name] = object
	run.order = append(run.order, name)
}

func (run *contractRun) find(name string) any {
	run.mu.Lock()
	defer run.mu.Unlock()
	return run.objects[name]
}

// end ends what is still open, newest first, and databases last.
func (run *contractRun) end() error {
	var first error
	note := func(err error) {
		if first == nil && err != nil {
			first = err
		}
	}
	for i := len(run.order) - 1; i >= 0; i-- {
		switch object := run.objects[run.order[i]].(type) {
		case *Rows:
			note(object.Close())
		case *lease:
			if err := object.release(); !isStatus(err, ErrClosed) {
				note(err)
			}
		case *contractToken:
			object.cancel()
		}
	}
	for i := len(run.order) - 1; i >= 0; i-- {
		if db, ok := run.objects[run.order[i]].(*DB); ok {
			note(db.Close())
		}
	}
	return first
}

// within is a context whose deadline is as far away as the step says whenever
// the call gets to look, however busy the machine is: messages tell the time.
type within struct {
	context.Context
	left time.Duration
}

func (w within) Deadline() (time.Time, bool) { return time.Now().Add(w.left), true }

// context makes the context that a step asks for.
func (run *contractRun) context(step fields) (context.Context, context.CancelFunc) {
	ctx, cancel := context.Background(), context.CancelFunc(func() {})
	if name, ok := step["token"].(string); ok {
		ctx = run.find(name).(*contractToken).ctx
	}
	if why, ok := step["why"].(string); ok {
		ctx = WithWhy(ctx, why)
	}
	switch step["durability"] {
	case "durable":
		ctx = WithDurability(ctx, DurabilityFull)
	case "normal":
		ctx = WithDurability(ctx, DurabilityNormal)
	}
	switch key := contractValue(step["once_key"]).(type) {
	case string:
		ctx = WithOnceKey(ctx, key)
	case []byte:
		ctx = WithOnceKey(ctx, string(key))
	}
	if expect := contractExpect(step); expect != nil {
		ctx = withExpect(ctx, *expect)
	}
	if ms, ok := step["timeout"].(json.Number); ok {
		n, _ := ms.Int64()
		if n == 0 {
			return NoWait(ctx), cancel
		}
		if n > 0 {
			ctx, cancel = context.WithCancel(ctx)
			return within{ctx, time.Duration(n) * time.Millisecond}, cancel
		}
	}
	return ctx, cancel
}

func contractExpect(step fields) *int64 {
	number, ok := step["expect_changes"].(json.Number)
	if !ok {
		return nil
	}
	n, _ := number.Int64()
	return &n
}

func (run *contractRun) expand(s string) string { return strings.ReplaceAll(s, "${dir}", run.dir) }
