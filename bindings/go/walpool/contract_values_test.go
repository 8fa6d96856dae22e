package walpool

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// contractValue reads a value of a scenario.
func contractValue(v any) any {
	switch v := v.(type) {
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			panic(err)
		}
		return n
	case fields:
		return contractObject(v)
	}
	return v // nil, bool, string
}

func contractObject(v fields) any {
	repeat := 1
	if n, ok := v["repeat"].(json.Number); ok {
		r, _ := n.Int64()
		repeat = int(r)
	}
	if text, ok := v["int"].(string); ok {
		n, _ := strconv.ParseInt(text, 10, 64)
		return n
	}
	if text, ok := v["real"].(string); ok {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			panic(err)
		}
		return f
	}
	if text, ok := v["text_hex"].(string); ok {
		b, _ := hex.DecodeString(text)
		return string(bytes.Repeat(b, repeat))
	}
	b, err := hex.DecodeString(v["blob"].(string))
	if err != nil {
		panic(err)
	}
	return bytes.Repeat(b, repeat)
}

func contractSQL(v any) string {
	s, _ := contractValue(v).(string)
	return s
}

// contractArgs reads parameters: a list, or an object for named ones.
func contractArgs(v any) []any {
	var args []any
	switch v := v.(type) {
	case []any:
		for _, value := range v {
			args = append(args, contractValue(value))
		}
	case fields:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			args = append(args, Named(name, contractValue(v[name])))
		}
	}
	return args
}

func sameValue(a, b any) bool {
	switch a := a.(type) {
	case []byte:
		other, ok := b.([]byte)
		return ok && bytes.Equal(a, other)
	case float64:
		other, ok := b.(float64)
		return ok && math.Float64bits(a) == math.Float64bits(other)
	}
	return a == b
}

func (run *contractRun) compare(step fields, answer *contractAnswer, err error) error {
	expect, _ := step["expect"].(fields)
	if wanted, ok := expect["error"].(fields); ok {
		if err == nil {
			return fmt.Errorf("succeeded, want %v", wanted)
		}
		return run.compareError(wanted, err)
	}
	if err != nil {
		return err
	}
	if answer != nil && answer.fields != nil {
		for name, want := range expect {
			if name == "reason_words" {
				if err := compareWords(want.([]any), answer.fields["reason"].(string)); err != nil {
					return err
				}
				continue
			}
			if name == "reasons" {
				if err := compareReasons(want.([]any), answer.fields[name].([]any)); err != nil {
					return err
				}
				continue
			}
			if err := compareField(name, want, answer.fields[name]); err != nil {
				return err
			}
		}
		return nil
	}
	return compareMembers(expect, answer)
}

// compareReasons compares codes, in whatever order.
func compareReasons(want, got []any) error {
	codes := map[any]bool{}
	for _, reason := range got {
		codes[reason.(fields)["code"]] = true
	}
	for _, code := range want {
		if !codes[code] {
			return fmt.Errorf("the reasons lack %q: %v", code, got)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("the reasons are %v, want %v", got, want)
	}
	return nil
}

func compareWords(words []any, text string) error {
	for _, word := range words {
		if !strings.Contains(text, word.(string)) {
			return fmt.Errorf("%q lacks %q", text, word)
		}
	}
	return nil
}

func compareMembers(expect fields, answer *contractAnswer) error {
	for name, want := range expect {
		var err error
		switch name {
		case "rows":
			err = compareRows(want.([]any), answer.rows)
		case "row":
			err = compareFirst(want, answer.rows)
		case "first":
			err = compareRows([]any{want}, answer.rows[:min(1, len(answer.rows))])
		case "last":
			err = compareRows([]any{want}, answer.rows[max(0, len(answer.rows)-1):])
		case "cycle":
			err = compareCycle(want.(fields), answer.rows)
		case "row_count":
			err = compareField(name, want, len(answer.rows))
		case "columns":
			if got := fmt.Sprintf("%q", answer.columns); got != fmt.Sprintf("%q", want) {
				err = fmt.Errorf("columns %s, want %q", got, want)
			}
		case "changes":
			err = compareField(name, want, answer.res.Changes)
		case "last_rowid":
			err = compareField(name, want, answer.res.LastRowID)
		case "leases":
			err = compareLeases(want.([]any), answer.leases)
		case "results":
			err = compareResults(want.([]any), answer.results)
		default:
			err = fmt.Errorf("unknown expectation %q", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func compareLeases(want []any, got []fields) error {
	if len(want) != len(got) {
		return fmt.Errorf("got %d leases, want %d", len(got), len(want))
	}
	for i := range want {
		for name, value := range want[i].(fields) {
			if err := compareField(name, value, got[i][name]); err != nil {
				return err
			}
		}
	}
	return nil
}

func compareFirst(want any, rows [][]any) error {
	if want == nil {
		if len(rows) > 0 {
			return fmt.Errorf("got a row, want none")
		}
		return nil
	}
	return compareRows([]any{want}, rows)
}

func compareResults(want []any, got []contractAnswer) error {
	if len(want) != len(got) {
		return fmt.Errorf("%d results, want %d", len(got), len(want))
	}
	for i := range want {
		if err := compareMembers(want[i].(fields), &got[i]); err != nil {
			return fmt.Errorf("result %d: %w", i, err)
		}
	}
	return nil
}

func compareRows(want []any, got [][]any) error {
	if len(want) != len(got) {
		return fmt.Errorf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		row := want[i].([]any)
		if len(row) != len(got[i]) {
			return fmt.Errorf("row %d has %d columns, want %d", i, len(got[i]), len(row))
		}
		for j := range row {
			if value := contractValue(row[j]); !sameValue(got[i][j], value) {
				return fmt.Errorf("row %d, column %d: %T %.60v, want %T %.60v", i, j, got[i][j], got[i][j], value, value)
			}
		}
	}
	return nil
}

// compareField compares a number, a limit {"min": n} or {"max": n}, or a text.
func compareField(name string, want, got any) error {
	limits, ok := want.(fields)
	if !ok {
		if fmt.Sprint(want) != fmt.Sprint(got) {
			return fmt.Errorf("%s is %v, want %v", name, got, want)
		}
		return nil
	}
	value, err := strconv.ParseInt(fmt.Sprint(got), 10, 64)
	if err != nil {
		return err
	}
	for limit, n := range limits {
		bound, _ := strconv.ParseInt(fmt.Sprint(n), 10, 64)
		if limit == "min" && value < bound || limit == "max" && value > bound || limit == "int" && value != bound {
			return fmt.Errorf("%s is %d, want %v", name, value, limits)
		}
	}
	return nil
}

var contractErrnos = map[string]syscall.Errno{
	"ENOENT": syscall.ENOENT, "EISDIR": syscall.EISDIR, "EEXIST": syscall.EEXIST, "EACCES": syscall.EACCES,
	"ENOTDIR": syscall.ENOTDIR, "EROFS": syscall.EROFS, "ELOOP": syscall.ELOOP,
}

func (run *contractRun) compareError(wanted fields, err error) error {
	e, ok := err.(*Error)
	if !ok {
		return fmt.Errorf("error %v is no *Error", err)
	}
	got := fields{
		"status": e.Status.Name(), "sqlite": e.CodeName(), "outcome": e.Outcome.String(),
		"phase": e.Phase.String(), "statement": e.Statement, "sql_offset": e.SQLOffset,
	}
	for name, want := range wanted {
		switch name {
		case "words", "lacks":
			for _, word := range want.([]any) {
				if strings.Contains(e.Message, run.expand(word.(string))) != (name == "words") {
					return fmt.Errorf("message %q: %s %q", e.Message, name, word)
				}
			}
		case "errno":
			if e.SystemErrno != contractErrnos[want.(string)] {
				return fmt.Errorf("errno %d, want %v", e.SystemErrno, want)
			}
		default:
			if err := compareField(name, want, got[name]); err != nil {
				return fmt.Errorf("%w (%v)", err, e)
			}
		}
	}
	return nil
}

func isStatus(err error, status Status) bool { return errors.Is(err, status) }

// file runs the steps that make and compare files.
func (run *contractRun) file(verb string, step fields) error {
	path := run.expand(cmpOr(step["path"], ""))
	switch verb {
	case "make":
		return run.makeFile(path, step)
	case "move":
		return os.Rename(path, run.expand(step["to"].(string)))
	case "overwrite":
		return overwrite(path, step)
	case "remember":
		run.seen = run.look()
	case "unchanged":
		if now := run.look(); !maps.Equal(run.seen, now) {
			return fmt.Errorf("the folder was %.300q and is %.300q", run.seen, now)
		}
	default:
		if _, err := os.Lstat(path); (err == nil) != (verb == "present") {
			return fmt.Errorf("%s: %v", path, err)
		}
	}
	return nil
}

// contentOf is the bytes of a TEXT or BLOB, or none.
func contentOf(step fields) []byte {
	switch v := contractValue(step["content"]).(type) {
	case string:
		return []byte(v)
	case []byte:
		return v
	}
	return nil
}

func overwrite(path string, step fields) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	offset, err := step["offset"].(json.Number).Int64()
	if err == nil {
		_, err = file.WriteAt(contentOf(step), offset)
	}
	return errors.Join(err, file.Close())
}

func (run *contractRun) makeFile(path string, step fields) error {
	to := run.expand(cmpOr(step["to"], ""))
	err := fmt.Errorf("cannot make a %v", step["type"])
	switch step["type"] {
	case "file":
		err = os.WriteFile(path, contentOf(step), 0o600)
	case "directory":
		err = os.Mkdir(path, 0o700)
	case "fifo":
		err = syscall.Mkfifo(path, 0o600)
	case "symlink":
		err = os.Symlink(to, path)
	case "hardlink":
		err = os.Link(to, path)
	}
	if mode, ok := step["permissions"].(string); ok && err == nil {
		bits, _ := strconv.ParseUint(mode, 8, 32)
		err = os.Chmod(path, fs.FileMode(bits))
	}
	return err
}

// look lists every name in the folder with its type, bytes and permissions.
func (run *contractRun) look() map[string]string {
	names := map[string]string{}
	filepath.WalkDir(run.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		info, _ := entry.Info()
		names[path] = info.Mode().String()
		if info.Mode().IsRegular() {
			content, _ := os.ReadFile(path)
			names[path] += " " + string(content)
		}
		return nil
	})
	return names
}
