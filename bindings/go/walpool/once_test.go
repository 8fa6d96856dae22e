package walpool

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestExecExpect_UndoesAnotherNumberOfChanges(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(n INTEGER PRIMARY KEY)")
	mustExec(t, db, "INSERT INTO t VALUES (1), (2), (3)")
	_, err := db.ExecExpect(background, 1, "DELETE FROM t WHERE n > ?", 1)
	wantError(t, err, ErrMismatch, "changed 2 rows", "1 was expected")
	res, err := db.ExecExpect(background, 2, "DELETE FROM t WHERE n > ?", 1)
	must(t, err)
	if n := one[int64](t, db, "SELECT count(*) FROM t"); res.Changes != 2 || n != 1 {
		t.Errorf("%+v, %d rows are left", res, n)
	}
	_, err = db.ExecExpect(background, -1, "DELETE FROM t")
	wantError(t, err, ErrMisuse, "-1")
	_, err = db.ExecExpect(nil, 1, "DELETE FROM t") //lint:ignore SA1012 that is the test
	wantError(t, err, ErrMisuse, "nil")
}

func TestExecExpect_InATransactionUndoesTheStatementAlone(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(n)")
	must(t, db.Write(background, func(tx *WriteTx) error {
		if _, err := tx.Exec(background, "INSERT INTO t VALUES (1), (2)"); err != nil {
			return err
		}
		_, err := tx.ExecExpect(background, 1, "DELETE FROM t")
		wantError(t, err, ErrMismatch)
		return nil
	}))
	if n := one[int64](t, db, "SELECT count(*) FROM t"); n != 2 {
		t.Errorf("%d rows are left", n)
	}
}

func TestBatch_ExpectationsAreOfTheirStatements(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(n)")
	_, err := db.Batch(background, []Statement{
		{SQL: "INSERT INTO t VALUES (?)", Many: [][]any{{1}, {2}}, Expect: Exactly(2)},
		{SQL: "UPDATE t SET n = 9"},
		{SQL: "DELETE FROM t WHERE n = 1", Expect: Exactly(1)},
	})
	wantError(t, err, ErrMismatch, "statement 2")
	var e *Error
	if !errors.As(err, &e) || e.Statement != 2 || e.Outcome != NotApplied {
		t.Errorf("%+v", e)
	}
	_, err = db.Batch(background, []Statement{{SQL: "DELETE FROM t"}, {SQL: "DELETE FROM t", Expect: Exactly(-7)}})
	wantError(t, err, ErrMisuse, "-7")
	if n := one[int64](t, db, "SELECT count(*) FROM t"); n != 0 {
		t.Errorf("%d rows are there", n)
	}
}

func TestWithOnceKey_AppliesOnceAndAnswersAgain(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
	ctx := WithOnceKey(background, "order\x00\xff7") // any bytes
	for range 3 {
		var id int64
		must(t, db.ExecReturningRow(ctx, "INSERT INTO t(v) VALUES (?) RETURNING id", "a").Scan(&id))
		if id != 1 {
			t.Errorf("id is %d", id)
		}
	}
	if n := one[int64](t, db, "SELECT count(*) FROM t"); n != 1 {
		t.Errorf("applied %d times", n)
	}
	if h := health(t, db); h.OnceReplays != 2 {
		t.Errorf("%d replays", h.OnceReplays)
	}
	_, err := db.Exec(ctx, "INSERT INTO t(v) VALUES (?)", "b")
	wantError(t, err, ErrMisuse, "once_key")
}

func TestWithOnceKey_IsForOneWriteAlone(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(a, b)")
	for _, key := range []string{"", strings.Repeat("x", 256)} {
		_, err := db.Exec(WithOnceKey(background, key), "INSERT INTO t VALUES (1, 2)")
		wantError(t, err, ErrMisuse, "once_key has", "1 to 255")
	}
	ctx := WithOnceKey(background, strings.Repeat("x", 255))
	_, err := db.Query(ctx, "SELECT 1")
	wantError(t, err, ErrMisuse, "once_key")
	wantError(t, db.Write(ctx, func(*WriteTx) error { return nil }), ErrMisuse, "once_key")
	_, err = db.ExecMany(ctx, "INSERT INTO t VALUES (?, ?)", numbered(5000))
	wantError(t, err, ErrMisuse, "once key")
	if n := one[int64](t, db, "SELECT count(*) FROM t"); n != 0 {
		t.Errorf("%d rows", n)
	}
	for range 2 {
		res, err := db.ExecMany(ctx, "INSERT INTO t VALUES (?, ?)", numbered(1000))
		must(t, err)
		if res.Changes != 1000 {
			t.Errorf("%+v", res)
		}
	}
	if n := one[int64](t, db, "SELECT count(*) FROM t"); n != 1000 {
		t.Errorf("%d rows", n)
	}
}

// An answer that is too large to be kept is refused, without gigabytes for it.
func TestWithOnceKey_RefusesALargeAnswer(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	_, err := db.ExecReturning(WithOnceKey(background, "k"), "INSERT INTO t VALUES (zeroblob(3000000)) RETURNING v")
	wantError(t, err, ErrTooBig)
	if n := one[int64](t, db, "SELECT count(*) FROM t"); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestWithDurability_SyncsThisWriteOnly(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	before := health(t, db).Syncs
	durable := WithDurability(background, DurabilityFull)
	_, err := db.Exec(durable, "INSERT INTO t VALUES (1)")
	must(t, err)
	_, err = db.Batch(durable, []Statement{{SQL: "INSERT INTO t VALUES (2)"}})
	must(t, err)
	must(t, db.Write(durable, func(tx *WriteTx) error {
		_, err := tx.Exec(durable, "INSERT INTO t VALUES (3)")
		return err
	}))
	_, err = db.ExecMany(durable, "INSERT INTO t VALUES (?)", slices.Values([][]any{{4}, {5}}))
	must(t, err)
	if n := health(t, db).Syncs - before; n != 4 {
		t.Errorf("%d syncs", n)
	}
	mustExec(t, db, "INSERT INTO t VALUES (6)")
	if n := health(t, db).Syncs - before; n != 4 {
		t.Errorf("%d syncs", n)
	}
}

func TestWithDurability_ReadsWhatIsOnTheDisk(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	before := health(t, db).Syncs
	durable := WithDurability(background, DurabilityFull)
	rows, err := db.Query(durable, thousands, 5000)
	must(t, err)
	n := 0
	for range rows.All() { // the later blocks, too
		n++
	}
	must(t, rows.Err())
	must(t, db.Read(durable, func(tx *ReadTx) error {
		var sum int64
		if err := tx.QueryRow(durable, "SELECT count(*) FROM t").Scan(&sum); err != nil {
			return err
		}
		return tx.Fresh(durable)
	}))
	if syncs := health(t, db).Syncs - before; n != 5000 || syncs > 1 {
		t.Errorf("%d rows, %d syncs", n, syncs)
	}
	_, err = db.Checkpoint(durable, CheckpointTruncate)
	must(t, err)
}

func TestWithDurability_NormalSparesTheSync(t *testing.T) {
	db, err := Open(background, filepath.Join(t.TempDir(), "t.db"), &Options{Durability: DurabilityFull})
	must(t, err)
	defer db.Close()
	mustExec(t, db, "CREATE TABLE t(v)")
	before := health(t, db).Syncs
	_, err = db.Exec(WithDurability(background, DurabilityNormal), "INSERT INTO t VALUES (1)")
	must(t, err)
	if n := health(t, db).Syncs - before; n != 0 {
		t.Errorf("%d syncs", n)
	}
}

func TestLeases_NamesWhoHasThem(t *testing.T) {
	db := openTest(t, &Options{LeaseTrace: true})
	list, err := db.Leases()
	must(t, err)
	if len(list) != 0 {
		t.Errorf("%+v", list)
	}
	must(t, db.Read(WithWhy(background, "report"), func(*ReadTx) error {
		return db.Write(WithWhy(background, "import"), func(*WriteTx) error {
			list, err = db.Leases()
			return err
		})
	}))
	if len(list) != 2 || list[0].Kind != "read" || list[0].Why != "report" || list[1].Kind != "write" ||
		list[1].Why != "import" || list[1].Holder != "lease" || list[0].Thread == 0 || list[0].Age < 0 {
		t.Errorf("%+v", list)
	}
}

func TestLeases_OfWhatIsNoDatabase(t *testing.T) {
	var none *DB
	_, err := none.Leases()
	wantError(t, err, ErrMisuse)
	db, err := Open(background, filepath.Join(t.TempDir(), "t.db"), nil)
	must(t, err)
	must(t, db.Close())
	_, err = db.Leases()
	wantError(t, err, ErrClosed)
}

func TestWithOnceKey_EndsWithItsContext(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	ctx, cancel := context.WithCancel(WithOnceKey(background, "k"))
	cancel()
	_, err := db.Exec(ctx, "INSERT INTO t VALUES (1)")
	wantError(t, err, ErrCanceled)
	if n := one[int64](t, db, "SELECT count(*) FROM sqlite_schema"); n != 1 {
		t.Errorf("%d tables", n)
	}
}
