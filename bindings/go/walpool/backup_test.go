package walpool

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// openRows opens a database with n rows of about a page each.
func openRows(t *testing.T, n int) (db *DB, folder string) {
	t.Helper()
	folder = t.TempDir()
	db, err := Open(background, filepath.Join(folder, "test.db"), nil)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
	mustExec(t, db, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?)
		INSERT INTO t(v) SELECT zeroblob(3000) FROM n`, n)
	return db, folder
}

func filesIn(t *testing.T, folder string) int {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	return len(entries)
}

// rowsIn opens the copy, and leaves it in WAL mode.
func rowsIn(t *testing.T, path string) int {
	t.Helper()
	db, err := Open(background, path, nil)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	if one[string](t, db, "SELECT * FROM pragma_integrity_check") != "ok" {
		t.Fatal("the copy is damaged")
	}
	return one[int](t, db, "SELECT count(*) FROM t")
}

func TestBackup_is_of_one_snapshot(t *testing.T) {
	db, folder := openRows(t, 300)
	to := filepath.Join(folder, "copy größe.db")
	var last BackupProgress
	var phases []BackupPhase
	options := &BackupOptions{Pages: 20, Pause: -1, Check: BackupCheckFull, Progress: func(p BackupProgress) error {
		if p.Copied < last.Copied {
			t.Errorf("copied %d after %d", p.Copied, last.Copied)
		}
		last, phases = p, append(phases, p.Phase)
		_, err := db.Exec(background, "INSERT INTO t(v) VALUES (1)")
		return err
	}}
	must(t, db.Backup(background, to, options))
	if got := rowsIn(t, to); got != 300 {
		t.Fatalf("%d rows, want 300", got)
	}
	if last.Phase != BackupDone || last.Copied != last.Pages || last.PageSize != 4096 || len(phases) < 10 {
		t.Fatalf("%+v after %v", last, phases)
	}
	if got := phases[len(phases)-3:]; got[0].String() != "check" || got[1].String() != "place" || got[2].String() != "done" {
		t.Fatal(got)
	}
	must(t, db.Restore(WithDurability(background, DurabilityFull), to))
	if got := one[int](t, db, "SELECT count(*) FROM t"); got != 300 {
		t.Fatalf("%d rows are restored, want 300", got)
	}
}

func TestBackup_is_cancelled(t *testing.T) {
	db, folder := openRows(t, 300)
	before := filesIn(t, folder)
	to := filepath.Join(folder, "copy.db")
	ctx, cancel := context.WithCancel(WithWhy(background, "nightly"))
	err := db.Backup(ctx, to, &BackupOptions{Pages: 1, Progress: func(BackupProgress) error {
		leases, err := db.Leases()
		if err == nil && (len(leases) != 1 || leases[0].Why != "nightly") {
			t.Errorf("leases are %+v", leases)
		}
		cancel()
		return err
	}})
	wantError(t, err, ErrCanceled)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for _, pause := range []time.Duration{time.Millisecond, time.Hour} {
		deadline, cancel := context.WithTimeout(background, 5*time.Millisecond)
		err = db.Backup(deadline, to, &BackupOptions{Pages: 1, Pause: pause})
		cancel()
		wantError(t, err, ErrTimeout)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	}
	enough := errors.New("enough")
	err = db.Backup(background, to, &BackupOptions{Pages: 1, Progress: func(BackupProgress) error { return enough }})
	if err != enough {
		t.Fatal(err)
	}
	if got := filesIn(t, folder); got != before {
		t.Fatalf("%d files, want %d", got, before)
	}
	h, err := db.Health()
	must(t, err)
	if h.PrivateOpen != 0 {
		t.Fatalf("%d connections are open", h.PrivateOpen)
	}
}

func TestBackup_refuses_what_it_would_break(t *testing.T) {
	db, folder := openRows(t, 3)
	to := filepath.Join(folder, "copy.db")
	must(t, os.WriteFile(to, []byte("mine"), 0o600))
	wantError(t, db.Backup(background, to, nil), ErrCantOpen, "a file is there")
	must(t, db.Backup(background, to, &BackupOptions{Replace: true, Check: BackupCheckNone}))
	must(t, db.Restore(background, to))
	path := filepath.Join(folder, "test.db")
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		wantError(t, db.Backup(background, path+suffix, &BackupOptions{Replace: true}), ErrMisuse, "the database itself")
	}
	wantError(t, db.Restore(background, path), ErrMisuse, "the database itself")
	for path, status := range map[string]Status{
		"": ErrMisuse, "a\x00b": ErrMisuse, filepath.Join(folder, "none", "copy.db"): ErrCantOpen} {
		wantError(t, db.Backup(background, path, nil), status)
		wantError(t, db.Restore(background, path), status)
	}
	for _, odd := range []BackupOptions{{Pages: -1}, {Pages: 1 << 31}, {Check: 3}} {
		wantError(t, db.Backup(background, to, &odd), ErrMisuse)
	}
	var none *DB
	wantError(t, none.Backup(background, to, nil), ErrMisuse)
	wantError(t, none.Restore(background, to), ErrMisuse)
	wantError(t, db.Backup(nil, to, nil), ErrMisuse) //nolint:staticcheck // on purpose
}

func TestBackup_into_a_folder_that_may_not_be_written(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	db, folder := openRows(t, 3)
	closed := filepath.Join(folder, "closed")
	must(t, os.Mkdir(closed, 0o500))
	wantError(t, db.Backup(background, filepath.Join(closed, "copy.db"), nil), ErrCantOpen)
}

func TestRestore_refuses_what_is_no_database(t *testing.T) {
	db, folder := openRows(t, 3)
	junk := filepath.Join(folder, "junk")
	must(t, os.WriteFile(junk, make([]byte, 8192), 0o600))
	wantError(t, db.Restore(background, junk), ErrNotADatabase)
	wantError(t, db.Restore(background, folder), ErrCantOpen)
	to := filepath.Join(folder, "copy.db")
	must(t, db.Backup(background, to, nil))
	err := db.Write(background, func(tx *WriteTx) error {
		ctx := tx.Context()
		wantError(t, db.Restore(ctx, to), ErrDeadlock)
		return nil
	})
	must(t, err)
	wantError(t, db.Restore(WithOnceKey(background, "key"), to), ErrMisuse, "once_key")
	if got := one[int](t, db, "SELECT count(*) FROM t"); got != 3 {
		t.Fatalf("%d rows, want 3", got)
	}
}
