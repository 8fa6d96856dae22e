package walpool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOpen_MakesAFileInWALModeThatOnlyItsOwnerReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := Open(background, path, nil)
	must(t, err)
	if mode := one[string](t, db, "PRAGMA journal_mode"); mode != "wal" {
		t.Errorf("journal mode %q", mode)
	}
	mustExec(t, db, "CREATE TABLE t(v)")
	must(t, db.Close())
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("permissions %o", info.Mode().Perm())
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the WAL is still there: %v", err)
	}
}

func TestOpen_TakesEveryOption(t *testing.T) {
	db := openTest(t, &Options{
		Readers: 2, BusyTimeout: time.Second, CloseTimeout: 2 * time.Second, CacheSizeKiB: 512,
		MmapSize: 1 << 20, JournalSizeLimit: -1, CheckpointFrames: 50, StatementCache: 3,
		Durability: DurabilityFull, NoForeignKeys: true, TempStoreFile: true, AllowAttach: true,
		Permissions: 0o640, OptimizeInterval: time.Hour,
		Coalesce: time.Millisecond, OnceKeep: time.Hour, LeaseWarn: -1, LeaseTrace: true,
		SnapshotKeep: time.Second, AllowNetworkFS: true, Mode: ReadWriteCreate,
		StepAhead: 2, ReaderGate: -1, WALCeilingFrames: 900, CeilingPolicy: CeilingBackpressure,
	})
	if n := health(t, db).WALCeilingFrames; n != 900 {
		t.Errorf("a ceiling of %d frames", n)
	}
	if n := health(t, db).ReadersLimit; n != 2 {
		t.Errorf("%d readers", n)
	}
	for pragma, want := range map[string]int64{"foreign_keys": 0, "temp_store": 1, "cache_size": -512, "mmap_size": 1 << 20} {
		if got := one[int64](t, db, "PRAGMA "+pragma); got != want {
			t.Errorf("%s is %d, want %d", pragma, got, want)
		}
	}
}

func TestOpen_TakesADSNAndItWins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "with space?.db")
	name := "file:" + strings.NewReplacer(" ", "%20", "?", "%3F").Replace(path) + "?readers=3&_fk=0"
	db, err := Open(background, name, &Options{Readers: 7})
	must(t, err)
	defer db.Close()
	if n := health(t, db).ReadersLimit; n != 3 {
		t.Errorf("%d readers", n)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestOpen_NamesTheOffendingOption(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	for _, c := range []struct {
		options Options
		words   []string
	}{
		{Options{Readers: 65}, []string{"readers", "65"}},
		{Options{Readers: -1}, []string{"readers", "-1"}},
		{Options{CacheSizeKiB: 3}, []string{"cache_size_kib", "3"}},
		{Options{CheckpointFrames: -5}, []string{"checkpoint_frames"}},
		{Options{StatementCache: 10001}, []string{"statement_cache"}},
		{Options{Durability: 7}, []string{"durability", "7"}},
		{Options{Mode: -1}, []string{"mode", "-1"}},
		{Options{SnapshotKeep: time.Minute}, []string{"snapshot_keep", "60000"}},
		{Options{StepAhead: 33}, []string{"step_ahead", "33"}},
		{Options{ReaderGate: time.Minute}, []string{"reader_gate", "60000"}},
		{Options{WALCeilingFrames: 999}, []string{"wal_ceiling_frames", "999"}},
		{Options{CeilingPolicy: 7}, []string{"wal_ceiling_policy", "7"}},
		{Options{CeilingPolicy: CeilingFail, CheckpointExternal: true}, []string{"checkpoint_owner"}},
		{Options{Permissions: fs.ModeDir | 0o600}, []string{"permissions"}},
		{Options{BusyTimeout: 48 * 365 * 24 * time.Hour}, []string{}},
	} {
		db, err := Open(background, path, &c.options)
		if err == nil && len(c.words) == 0 {
			must(t, db.Close())
			continue
		}
		wantError(t, err, ErrOption, c.words...)
	}
	_, err := Open(background, "file:"+path+"?colour=red", nil)
	wantError(t, err, ErrOption, "colour")
	_, err = Open(background, "file:"+path+"?readers=many", nil)
	wantError(t, err, ErrOption, "readers", "many")
}

func TestOpen_RefusesWhatIsNoDatabaseFile(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	must(t, os.WriteFile(text, []byte(strings.Repeat("no database, some text. ", 100)), 0o600))
	fifo := filepath.Join(dir, "fifo")
	must(t, syscall.Mkfifo(fifo, 0o600))
	for _, c := range []struct {
		name   string
		status Status
		words  []string
	}{
		{"", ErrMisuse, nil},
		{":memory:", ErrMisuse, []string{":memory:"}},
		{dir, ErrCantOpen, []string{dir}},
		{fifo, ErrCantOpen, []string{fifo}},
		{text, ErrNotADatabase, []string{text}},
		{filepath.Join(dir, "missing", "a.db"), ErrCantOpen, []string{"missing"}},
		{"a\x00b.db", ErrMisuse, []string{"NUL"}},
		{strings.Repeat("x", 5000), ErrCantOpen, nil},
	} {
		_, err := Open(background, c.name, nil)
		wantError(t, err, c.status, c.words...)
	}
	if content, _ := os.ReadFile(text); !strings.HasPrefix(string(content), "no database") {
		t.Error("the text file was changed")
	}
}

func TestOpen_TellsTheSystemsError(t *testing.T) {
	_, err := Open(background, filepath.Join(t.TempDir(), "missing.db"), &Options{Mode: ReadWrite})
	wantError(t, err, ErrCantOpen)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
}

func TestOpen_ReadOnlyDoesNotWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := Open(background, path, nil)
	must(t, err)
	mustExec(t, db, "CREATE TABLE t(v)")
	must(t, db.Close())
	db, err = Open(background, path, &Options{Mode: ReadOnly})
	must(t, err)
	defer db.Close()
	_, err = db.Exec(background, "INSERT INTO t VALUES (1)")
	wantError(t, err, ErrReadOnly)
	if n := one[int](t, db, "SELECT count(*) FROM t"); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestOpen_OfTheSameFileSharesIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	first, err := Open(background, path, &Options{Readers: 2})
	must(t, err)
	second, err := Open(background, path, nil)
	must(t, err)
	mustExec(t, first, "CREATE TABLE t(v)")
	must(t, first.Close())
	mustExec(t, second, "INSERT INTO t VALUES (1)")
	if n := health(t, second).ReadersLimit; n != 2 {
		t.Errorf("%d readers", n)
	}
	must(t, second.Close())
}

func TestOpen_EndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	ended, cancel := context.WithCancel(background)
	cancel()
	_, err := Open(ended, path, nil)
	wantError(t, err, ErrCanceled)
	if !errors.Is(err, context.Canceled) {
		t.Error("it is not context.Canceled")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was made")
	}
	//lint:ignore SA1012 a nil context is what is tested
	_, err = Open(nil, path, nil)
	wantError(t, err, ErrMisuse, "context")
	watched, stop := context.WithCancel(background)
	defer stop()
	db, err := Open(watched, path, nil)
	must(t, err)
	must(t, db.Close())
}

// lockHelper names the file that this program, run again as another process,
// locks as SQLite does exclusively, until its standard input ends.
const lockHelper = "WALPOOL_TEST_LOCK"

func TestMain(m *testing.M) {
	path := os.Getenv(lockHelper)
	if sql, ok := os.LookupEnv(scriptHelper); ok {
		os.Exit(runScript(os.Getenv(scriptDatabase), sql))
	}
	if path == "" {
		os.Exit(m.Run())
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil { // SQLite's lock bytes
		err = syscall.FcntlFlock(file.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK, Start: 0x40000000, Len: 512})
	}
	fmt.Println("locked", err)
	io.Copy(io.Discard, os.Stdin)
}

// lockElsewhere makes another process lock the file, and returns how to end it.
func lockElsewhere(t *testing.T, path string) (unlock func()) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), lockHelper+"="+path)
	in, err := child.StdinPipe()
	must(t, err)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "locked <nil>\n" {
		t.Fatal(line, err)
	}
	return func() {
		in.Close()
		child.Wait()
	}
}

func TestOpen_WaitsForAnotherProcessAsLongAsItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := Open(background, path, nil)
	must(t, err)
	mustExec(t, db, "CREATE TABLE t(v)")
	must(t, db.Close())
	unlock := lockElsewhere(t, path)
	ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
	defer cancel()
	_, err = Open(ctx, path, nil)
	wantError(t, err, ErrTimeout)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	_, err = Open(background, path, &Options{BusyTimeout: 20 * time.Millisecond})
	wantError(t, err, ErrTimeout, "20 ms")
	unlock()
	eventually(t, "what was opened late is closed", func() bool {
		_, err := os.Stat(path + "-wal")
		return errors.Is(err, fs.ErrNotExist)
	})
	db, err = Open(background, path, nil)
	must(t, err)
	must(t, db.Close())
}

func TestClose_MakesEveryCallFailAndMayBeRepeated(t *testing.T) {
	db := openTest(t, nil)
	must(t, db.Close())
	must(t, db.Close())
	_, err := db.Query(background, "SELECT 1")
	wantError(t, err, ErrClosed)
	wantError(t, db.QueryRow(background, "SELECT 1").Scan(new(int)), ErrClosed)
	_, err = db.Exec(background, "SELECT 1")
	wantError(t, err, ErrClosed)
	_, err = db.Batch(background, []Statement{{SQL: "SELECT 1"}})
	wantError(t, err, ErrClosed)
	_, err = db.Checkpoint(background, CheckpointPassive)
	wantError(t, err, ErrClosed)
	_, err = db.Health()
	wantError(t, err, ErrClosed)
	_, err = db.HealthJSON()
	wantError(t, err, ErrClosed)
	wantError(t, db.Script(background, ""), ErrClosed)
	wantError(t, db.Read(background, func(*ReadTx) error { return nil }), ErrClosed)
	wantError(t, db.Write(background, func(*WriteTx) error { return nil }), ErrClosed)
	_, err = db.ExecMany(background, "SELECT ?", func(yield func([]any) bool) { yield([]any{1}) })
	wantError(t, err, ErrClosed)
}

func TestClose_WaitsForRowsAndNamesThem(t *testing.T) {
	db := openTest(t, &Options{CloseTimeout: time.Millisecond})
	rows, err := db.Query(WithWhy(background, "export of users"), thousands, 5000)
	must(t, err)
	wantError(t, db.Close(), ErrTimeout, "export of users")
	if !rows.Next() {
		t.Error("the rows ended with the Close that failed")
	}
	must(t, rows.Close())
	must(t, db.Close())
}

func TestDB_NilAndZeroAreErrors(t *testing.T) {
	var none *DB
	wantError(t, none.Close(), ErrMisuse)
	_, err := none.Query(background, "SELECT 1")
	wantError(t, err, ErrMisuse)
	_, err = none.Health()
	wantError(t, err, ErrMisuse)
	wantError(t, none.Write(background, nil), ErrMisuse)
	zero := new(DB)
	_, err = zero.Exec(background, "SELECT 1")
	wantError(t, err, ErrMisuse)
	wantError(t, zero.Close(), ErrMisuse)
}

func TestDB_LostWithoutCloseIsClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	func() {
		db, err := Open(background, path, nil)
		must(t, err)
		mustExec(t, db, "CREATE TABLE t(v)")
		rows, err := db.Query(background, thousands, 5000)
		must(t, err)
		rows.Next() // and lost, with its reader
	}()
	eventually(t, "the WAL is removed", func() bool {
		_, err := os.Stat(path + "-wal")
		return errors.Is(err, fs.ErrNotExist)
	})
}
