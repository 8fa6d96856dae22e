package walpool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestStatus_NamesAndNumbersAreTheLibrarys(t *testing.T) {
	source, err := os.ReadFile("errors.go")
	must(t, err)
	constants := regexp.MustCompile(`(?m)^\t(Err\w+) +Status = (\d+)$`).FindAllStringSubmatch(string(source), -1)
	for i, constant := range constants {
		name := strings.ToUpper(strings.TrimPrefix(constant[1], "Err"))
		name = map[string]string{"NOMEMORY": "NOMEM", "CANCELED": "CANCELLED", "NOTADATABASE": "NOTADB"}[name] + name
		if got := Status(i + 1).Name(); constant[2] != fmt.Sprint(i+1) || !strings.HasPrefix("WALPOOL_"+name, got) {
			t.Errorf("%s is %s, and the library has %s", constant[1], constant[2], got)
		}
	}
	last := Status(len(constants))
	if last != ErrCeiling || (last+1).Name() != "WALPOOL_INTERNAL" || ErrRefused.Name() == "WALPOOL_INTERNAL" || Status(-1).Error() != "WALPOOL_INTERNAL" {
		t.Errorf("the list ends with %s", last.Name())
	}
	header, err := os.ReadFile("../../../include/walpool.h")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the header is not part of this copy of walpool")
	}
	must(t, err)
	if n := len(regexp.MustCompile(`(?m)^    X\([A-Z]+, \d+, `).FindAll(header, -1)); n != len(constants)+1 {
		t.Errorf("%d constants, and the header has %d", len(constants), n-1)
	}
}

func TestError_HasWhatTranslatorsLookFor(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v UNIQUE)")
	mustExec(t, db, "INSERT INTO t VALUES (1)")
	_, err := db.Exec(background, "INSERT INTO t VALUES (1)")
	text, _ := json.Marshal(err)
	var fields struct{ Code, ExtendedCode, SystemErrno int }
	must(t, json.Unmarshal(text, &fields))
	if fields.Code != 19 || fields.ExtendedCode != 2067 || fields.SystemErrno != 0 {
		t.Errorf("%s", text)
	}
	var e *Error
	if !errors.As(fmt.Errorf("wrapped: %w", err), &e) || e.CodeName() != "SQLITE_CONSTRAINT_UNIQUE" || e.Timeout() {
		t.Errorf("%+v", e)
	}
	if !strings.HasPrefix(err.Error(), "walpool: ") || errors.Is(err, ErrTimeout) || errors.Is(err, errors.New("x")) {
		t.Error(err)
	}
}

func TestLabels_OfUnknownNumbersAreNumbers(t *testing.T) {
	for _, v := range []fmt.Stringer{Phase(9), Outcome(9), Verdict(9), CheckpointOutcome(9)} {
		if v.String() != "9" {
			t.Errorf("%T is %s", v, v)
		}
	}
	if PhaseLock.String() != "lock" || OutcomeUnknown.String() != "unknown" || HealthOK.String() != "ok" || CheckpointNotReset.String() != "not_reset" {
		t.Error("a name is wrong")
	}
}

func TestVersion_TellsTheSQLiteThatRuns(t *testing.T) {
	db := openTest(t, nil)
	v := Version()
	if got := one[string](t, db, "SELECT sqlite_version()"); v.SQLite != got || v.SQLiteNumber < 3035000 {
		t.Errorf("%+v, and SQLite says %s", v, got)
	}
	if VersionNumber() != 100 || v.Walpool != "0.1.0" || v.SQLiteSourceID == "" {
		t.Errorf("%+v", v)
	}
}

// snake spells a field of Health as the other languages do.
func snake(name string) string {
	name = strings.NewReplacer("WAL", "Wal", "FS", "Fs").Replace(name)
	name = regexp.MustCompile(`([a-z0-9])([A-Z])`).ReplaceAllString(name, "${1}_${2}")
	return strings.ToLower(name)
}

func TestHealth_FieldsAreInTheLibrarysOrder(t *testing.T) {
	source, err := os.ReadFile("health.go")
	must(t, err)
	header, err := os.ReadFile("../../../include/walpool.h")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the header is not part of this copy of walpool")
	}
	must(t, err)
	_, list, _ := strings.Cut(string(source), "return [healthNumbers]any{")
	list, _, _ = strings.Cut(list, "}")
	fields := regexp.MustCompile(`&h\.(\w+)`).FindAllStringSubmatch(list, -1)
	_, numbers, _ := strings.Cut(string(header), "#define WALPOOL_HEALTH_LIST(X)")
	numbers, _, _ = strings.Cut(numbers, "\n\n")
	names := regexp.MustCompile(`X\((\w+), "`).FindAllStringSubmatch(numbers, -1)
	if len(fields) != len(names) {
		t.Fatalf("%d fields, and the header has %d", len(fields), len(names))
	}
	for i := range fields {
		if want := strings.TrimSuffix(names[i][1], "_us"); snake(fields[i][1]) != want {
			t.Errorf("field %d is %s, and the header has %s", i, fields[i][1], want)
		}
	}
}

func TestHealth_CountsAndNamesWhatIsOut(t *testing.T) {
	db := openTest(t, &Options{Readers: 5})
	mustExec(t, db, "CREATE TABLE t(v)")
	err := db.Read(WithWhy(background, "monthly report"), func(tx *ReadTx) error {
		h := health(t, db)
		if h.ReadersLimit != 5 || h.ReadersLeased != 1 || h.OldestLeaseWhy != "monthly report" || h.OldestLease <= 0 || h.OldestLease > time.Minute {
			t.Errorf("%+v", h)
		}
		return nil
	})
	must(t, err)
	h := health(t, db)
	if h.Writes != 1 || h.WALBytes == 0 || h.WriterHoldMax <= 0 || h.Verdict != HealthOK && h.Reason == "" {
		t.Errorf("%+v", h)
	}
	text, err := db.HealthJSON()
	must(t, err)
	var all map[string]any
	must(t, json.Unmarshal(text, &all))
	if all["writes"] != 1.0 || all["verdict"] != h.Verdict.String() {
		t.Errorf("%s", text)
	}
}

func TestCheckpoint_MovesTheWALIntoTheFile(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	res, err := db.Checkpoint(background, CheckpointPassive)
	must(t, err)
	if res.Busy || res.LogFrames == 0 || res.CheckpointedFrames != res.LogFrames {
		t.Errorf("%+v", res)
	}
	must(t, db.Read(background, func(tx *ReadTx) error {
		mustExec(t, db, "INSERT INTO t VALUES (1)")
		res, err := db.Checkpoint(NoWait(background), CheckpointTruncate)
		must(t, err)
		if !res.Busy || res.Outcome == CheckpointComplete {
			t.Errorf("%+v", res)
		}
		return nil
	}))
	res, err = db.Checkpoint(background, CheckpointTruncate)
	must(t, err)
	if res != (CheckpointResult{}) || health(t, db).WALBytes != 0 {
		t.Errorf("%+v", res)
	}
	_, err = db.Checkpoint(background, 9)
	wantError(t, err, ErrMisuse)
}
