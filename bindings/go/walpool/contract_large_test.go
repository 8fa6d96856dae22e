package walpool

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
)

// Steps of the scenarios about large results and other processes.

// scriptHelper is SQL that this program, run again as another process, carries
// out on the database named by scriptDatabase.
const (
	scriptHelper   = "WALPOOL_TEST_SCRIPT"
	scriptDatabase = "WALPOOL_TEST_DATABASE"
)

// runScript returns the exit status of that process.
func runScript(name, sql string) int {
	db, err := Open(background, name, nil)
	if err == nil {
		err = db.Script(background, sql)
	}
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func writeElsewhere(name, sql string) error {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), scriptHelper+"="+sql, scriptDatabase+"="+name)
	if out, err := child.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// drop forgets an iterator; `await` collects it.
func (run *contractRun) drop(name string) {
	run.mu.Lock()
	delete(run.objects, name)
	run.order = slices.DeleteFunc(run.order, func(other string) bool { return other == name })
	run.mu.Unlock()
	runtime.GC()
}

// compareCycle compares rows that repeat, from row `from` of the result on.
func compareCycle(want fields, got [][]any) error {
	var pattern [][]any
	for _, row := range want["rows"].([]any) {
		pattern = append(pattern, row.([]any))
	}
	from := 0
	if n, ok := want["from"].(json.Number); ok {
		first, _ := n.Int64()
		from = int(first)
	}
	makers := make([][]func(int) any, len(pattern))
	for i, row := range pattern {
		for _, cell := range row {
			makers[i] = append(makers[i], cycleCell(cell))
		}
	}
	for i, row := range got {
		at := from + i
		cells := makers[at%len(makers)]
		if len(row) != len(cells) {
			return fmt.Errorf("row %d has %d columns, want %d", at, len(row), len(cells))
		}
		for j, cell := range cells {
			if value := cell(at); !sameValue(row[j], value) {
				return fmt.Errorf("row %d, column %d: %T %.60v, want %T %.60v", at, j, row[j], row[j], value, value)
			}
		}
	}
	return nil
}

// cycleCell makes the value of a cell in the row of a number: {"row": n} is that
// number, plus n.
func cycleCell(cell any) func(int) any {
	if f, ok := cell.(fields); ok && f["row"] != nil {
		plus, _ := f["row"].(json.Number).Int64()
		return func(at int) any { return int64(at) + plus }
	}
	value := contractValue(cell)
	return func(int) any { return value }
}
