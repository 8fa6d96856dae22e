package walpool

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const fill = `CREATE TABLE t (id INTEGER PRIMARY KEY, v);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)
	INSERT INTO t (v) SELECT zeroblob(1000) FROM n;
DELETE FROM t WHERE id > 4`

func TestVacuum_GivesPagesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := Open(background, path, nil)
	must(t, err)
	defer db.Close()
	must(t, db.Script(background, fill))
	done, err := db.Vacuum(background)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if !done.Complete || done.FreePages != 0 || done.WALFrames != 0 || done.PagesAfter >= done.PagesBefore/10 ||
		info.Size() != done.PagesAfter*int64(done.PageSize) {
		t.Errorf("%+v, %d bytes", done, info.Size())
	}
}

func TestVacuum_WaitsForTheWriterAsAnyWriteDoes(t *testing.T) {
	db := openTest(t, nil)
	must(t, db.Write(WithWhy(background, "import"), func(tx *WriteTx) error {
		_, err := db.Vacuum(NoWait(background))
		wantError(t, err, ErrTimeout)
		if !strings.Contains(err.Error(), "import") {
			t.Error(err)
		}
		_, err = db.Vacuum(tx.Context())
		wantError(t, err, ErrDeadlock)
		return nil
	}))
}

func TestIncrementalVacuum_FreesAsManyPagesAsAsked(t *testing.T) {
	db := openTest(t, nil)
	_, err := db.IncrementalVacuum(background, 0)
	wantError(t, err, ErrMisuse)
	if !strings.Contains(err.Error(), "auto_vacuum=incremental, then vacuum") {
		t.Error(err)
	}
	mustExec(t, db, "PRAGMA auto_vacuum = incremental")
	_, err = db.Vacuum(background)
	must(t, err)
	must(t, db.Script(background, fill))
	done, err := db.IncrementalVacuum(background, 7)
	must(t, err)
	if done.PagesBefore-done.PagesAfter != 7 || done.FreePages < 100 || !done.Complete {
		t.Errorf("%+v", done)
	}
	done, err = db.IncrementalVacuum(background, 0)
	must(t, err)
	if done.FreePages != 0 {
		t.Errorf("%+v", done)
	}
	_, err = db.IncrementalVacuum(background, -1)
	wantError(t, err, ErrMisuse)
}

func TestOptimize_MeasuresTables(t *testing.T) {
	db := openTest(t, nil)
	must(t, db.Script(background, "CREATE TABLE t (a); CREATE INDEX ta ON t (a); INSERT INTO t VALUES (1)"))
	done, err := db.Optimize(background)
	must(t, err)
	if done.Tables < 1 || !done.Complete || health(t, db).Optimizes != 1 {
		t.Errorf("%+v", done)
	}
	if got := one[string](t, db, "SELECT idx FROM sqlite_stat1"); got != "ta" {
		t.Error(got)
	}
}

func TestOptimize_IsDoneByItselfIfAskedFor(t *testing.T) {
	db := openTest(t, &Options{OptimizeInterval: 5 * time.Millisecond})
	for health(t, db).Optimizes < 2 {
		time.Sleep(time.Millisecond)
	}
}

func TestCheck_ListsWhatIsWrong(t *testing.T) {
	db := openTest(t, &Options{NoForeignKeys: true})
	must(t, db.Script(background, "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p)"))
	for _, full := range []bool{false, true} {
		problems, err := db.Check(background, full)
		must(t, err)
		if len(problems) != 0 {
			t.Error(problems)
		}
	}
	mustExec(t, db, "INSERT INTO c VALUES (7)")
	problems, err := db.Check(background, true)
	must(t, err)
	want := Problem{ProblemForeignKey, "1 rows of c have no parent in p", "c", "p", 1}
	if len(problems) != 1 || problems[0] != want {
		t.Errorf("%+v", problems)
	}
}

func TestMaintenance_EndsWithItsContextAndItsDatabase(t *testing.T) {
	db := openTest(t, nil)
	ctx, cancel := context.WithCancel(background)
	cancel()
	calls := func(ctx context.Context) []error {
		_, a := db.Optimize(ctx)
		_, b := db.Vacuum(ctx)
		_, c := db.IncrementalVacuum(ctx, 0)
		_, d := db.Check(ctx, false)
		return []error{a, b, c, d}
	}
	for _, err := range calls(ctx) {
		wantError(t, err, ErrCanceled)
	}
	must(t, db.Close())
	for _, err := range calls(background) {
		wantError(t, err, ErrClosed)
	}
}
