package walpool

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestRows_ComeWholeAndInOrder(t *testing.T) {
	db := openTest(t, nil)
	for _, n := range []int{0, 1, 3, 100, 5000, 100000} {
		rows, err := db.Query(background, thousands, n)
		must(t, err)
		if columns := rows.Columns(); !slices.Equal(columns, []string{"i", "'row ' || i", "hex(zeroblob(10))"}) {
			t.Errorf("columns %q", columns)
		}
		count := 0
		for rows.Next() {
			count++
			var i int
			var text, rest string
			must(t, rows.Scan(&i, &text, &rest))
			if i != count || text != fmt.Sprint("row ", i) || len(rest) != 20 {
				t.Fatalf("row %d is %d, %q, %q", count, i, text, rest)
			}
		}
		must(t, rows.Err())
		if count != n {
			t.Errorf("%d rows, want %d", count, n)
		}
		if rows.Next() || rows.Close() != nil || rows.Next() {
			t.Error("there is something after the end")
		}
	}
	idle(t, db)
}

func TestRows_AreMisusedWithoutHarm(t *testing.T) {
	db := openTest(t, nil)
	rows, err := db.Query(background, "SELECT 1, 'a'")
	must(t, err)
	wantError(t, rows.Scan(new(int), new(string)), ErrMisuse, "no row")
	rows.Next()
	row := rows.Row()
	if row.Int64(5) != 0 || row.Text(-1) != "" || row.Bytes(9) != nil || row.Any(9) != nil || row.IsNull(9) || row.Bool(9) {
		t.Error("a column that is not there has a value")
	}
	wantError(t, rows.Err(), ErrMisuse, "column 5", "2")
	must(t, rows.Close())
	wantError(t, rows.Scan(new(int)), ErrMisuse)
	if row.Len() != 0 || row.Int64(0) != 0 {
		t.Error("a closed row has columns")
	}
	single := db.QueryRow(background, "SELECT 1")
	must(t, single.Scan(new(int)))
	wantError(t, single.Scan(new(int)), ErrMisuse, "scanned")
}

func TestRows_TellAWrongColumnTypeAtTheEnd(t *testing.T) {
	db := openTest(t, nil)
	rows, err := db.Query(background, "SELECT 1 UNION ALL SELECT 'x' UNION ALL SELECT 3")
	must(t, err)
	count := 0
	for rows.Next() {
		rows.Row().Int64(0)
		count++
	}
	wantError(t, rows.Err(), ErrMisuse, "TEXT", "int64")
	if count != 2 {
		t.Errorf("%d rows", count)
	}
}

func TestRows_ErrorInTheMiddleEndsThem(t *testing.T) {
	db := openTest(t, nil)
	rows, err := db.Query(background, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9999)
		SELECT hex(zeroblob(10)), abs(CASE i WHEN 9000 THEN -9223372036854775808 ELSE i END) FROM n`)
	must(t, err)
	for rows.Next() {
	}
	wantError(t, rows.Err(), ErrSQL, "overflow")
	idle(t, db)
	mine := errors.New("mine")
	rows, err = db.Query(background, thousands, 5000)
	must(t, err)
	_, err = Collect(rows, func(*Row) (int, error) { return 0, mine })
	if err != mine {
		t.Errorf("got %v", err)
	}
	idle(t, db)
}

func TestRows_All(t *testing.T) {
	db := openTest(t, nil)
	rows, err := db.Query(background, thousands, 5000)
	must(t, err)
	sum := int64(0)
	for row, err := range rows.All() {
		must(t, err)
		sum += row.Int64(0)
		if sum > 100 {
			break
		}
	}
	if sum != 105 {
		t.Errorf("the sum is %d", sum)
	}
	idle(t, db)
	rows, err = db.Query(background, "SELECT 'x'")
	must(t, err)
	var last error
	for row, err := range rows.All() {
		if last = err; err == nil {
			row.Int64(0)
		}
	}
	wantError(t, last, ErrMisuse)
}

func TestRows_LostWithoutCloseGiveTheirReaderBack(t *testing.T) {
	db := openTest(t, &Options{Readers: 1})
	func() {
		rows, err := db.Query(background, thousands, 5000)
		must(t, err)
		rows.Next()
	}()
	eventually(t, "the reader is back", func() bool { return health(t, db).ReadersLeased == 0 })
}

func TestQueryRow_TakesTheFirstAndKeepsNothing(t *testing.T) {
	db := openTest(t, &Options{Readers: 1})
	for range 3 {
		var i, n int
		must(t, db.QueryRow(background, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
			SELECT i, length(zeroblob(100000)) FROM n`).Scan(&i, &n))
		db.QueryRow(background, "SELECT zeroblob(100000)") // and is not scanned
	}
	idle(t, db)
	if err := db.QueryRow(background, "SELECT 1 WHERE 0").Scan(new(int)); !errors.Is(err, ErrNoRows) {
		t.Errorf("got %v", err)
	}
}

func TestQuery_RefusesWhatIsNotOneReadStatement(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(v)")
	for _, c := range []struct {
		sql    string
		status Status
	}{
		{"INSERT INTO t VALUES (1)", ErrReadOnly}, {"INSERT INTO t VALUES (1) RETURNING v", ErrReadOnly},
		{"BEGIN", ErrRefused}, {"SELEC 1", ErrSQL}, {"SELECT 1; SELECT 2", ErrSQL}, {"", ErrSQL},
		{"-- nothing", ErrSQL}, {"SELECT * FROM nosuch", ErrSQL}, {"SELECT '\xff'", ErrEncoding},
	} {
		_, err := db.Query(background, c.sql)
		wantError(t, err, c.status)
	}
	err := db.QueryRow(background, "SELECT 1 FROM t WHERE").Err()
	wantError(t, err, ErrSQL)
	if e := err.(*Error); e.SQLOffset != -1 && e.SQLOffset < 10 {
		t.Errorf("offset %d", e.SQLOffset)
	}
}

func TestColumns_AreKnownAgainAfterTheTableChanged(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(a)")
	for _, want := range [][]string{{"a"}, {"a"}, {"a", "b"}, {"a", "b"}} {
		rows, err := db.Query(background, "SELECT * FROM t")
		must(t, err)
		if got := rows.Columns(); !slices.Equal(got, want) {
			t.Errorf("columns %q, want %q", got, want)
		}
		must(t, rows.Close())
		if len(want) == 1 && health(t, db).Reads == 2 {
			mustExec(t, db, "ALTER TABLE t ADD COLUMN b")
		}
	}
}

type account struct {
	AccountID int64
	Name      string
	Balance   float64
	Active    bool
	Note      *string
	Extra     []byte `db:"blob"`
	skipped   int    //lint:ignore U1000 that it is not filled is what is tested
	Ignored   string `db:"-"`
}

func TestCollectStructs_FillsFieldsByName(t *testing.T) {
	db := openTest(t, nil)
	rows, err := db.Query(background, `SELECT 7 AS account_id, 'Ada' AS name, 1.5 AS BALANCE, 1 AS active, NULL AS note, x'00' AS blob
		UNION ALL SELECT 8, 'Bob', 2, 0, 'hm', NULL`)
	must(t, err)
	list, err := CollectStructs[account](rows)
	must(t, err)
	if a := list[0]; len(list) != 2 || a.AccountID != 7 || a.Name != "Ada" || a.Balance != 1.5 || !a.Active || a.Note != nil || len(a.Extra) != 1 {
		t.Errorf("got %+v", list)
	}
	if b := list[1]; b.Balance != 2 || b.Active || *b.Note != "hm" || b.Extra != nil {
		t.Errorf("got %+v", b)
	}
	type outer struct {
		account
		Name string
	}
	rows, err = db.Query(background, "SELECT 1 AS account_id, 'outer' AS name")
	must(t, err)
	embedded, err := CollectStructs[outer](rows)
	must(t, err)
	if embedded[0].Name != "outer" || embedded[0].account.Name != "" || embedded[0].AccountID != 1 {
		t.Errorf("got %+v", embedded)
	}
}

func TestCollectStructs_NamesWhatHasNoPlace(t *testing.T) {
	db := openTest(t, nil)
	for sql, words := range map[string][]string{
		"SELECT 1 AS colour":                                  {"colour", "account"},
		"SELECT 1 AS skipped":                                 {"skipped"},
		"SELECT '' AS ignored":                                {"ignored"},
		"SELECT 1 AS account_id, 2 AS AccountID":              {"account_id", "AccountID", "AS"},
		"SELECT 'x' AS account_id":                            {"column 0", "account_id", "TEXT"},
		"SELECT NULL AS name":                                 {"name", "NULL"},
		"SELECT 2 AS active":                                  {"active", "bool"},
		"SELECT 1 AS account_id WHERE 0 UNION ALL SELECT 1.5": {"fraction"},
	} {
		rows, err := db.Query(background, sql)
		must(t, err)
		_, err = CollectStructs[account](rows)
		wantError(t, err, ErrMisuse, words...)
	}
	rows, err := db.Query(background, "SELECT 1")
	must(t, err)
	_, err = CollectStructs[int](rows)
	wantError(t, err, ErrMisuse, "int")
}

func TestCollect_OfEverySizeIsExact(t *testing.T) {
	db := openTest(t, nil)
	for _, n := range []int{1, 2, 300, 301, 70000} {
		rows, err := db.Query(background, thousands, n)
		must(t, err)
		list, err := Collect(rows, func(r *Row) (int64, error) { return r.Int64(0), nil })
		must(t, err)
		if len(list) != n || list[0] != 1 || list[n-1] != int64(n) || list[n/2] != int64(n/2+1) {
			t.Errorf("%d values, want %d", len(list), n)
		}
	}
	rows, err := db.Query(background, "SELECT 1 WHERE 0")
	must(t, err)
	if list, err := Collect(rows, func(*Row) (int, error) { return 0, nil }); err != nil || list == nil || len(list) != 0 {
		t.Errorf("got %v, %v", list, err)
	}
}
