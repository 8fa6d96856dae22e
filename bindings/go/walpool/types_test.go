package walpool

import (
	"bytes"
	"database/sql"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

type (
	userID  int32
	ratio   float32
	word    string
	octets  []byte
	enabled bool
)

func TestTypes_GoThroughSQLiteUnchanged(t *testing.T) {
	db := openTest(t, nil)
	for _, c := range []struct {
		in, out any
		typ     string
	}{
		{nil, nil, "null"},
		{int64(math.MaxInt64), int64(math.MaxInt64), "integer"},
		{int64(math.MinInt64), int64(math.MinInt64), "integer"},
		{1<<53 + 1, int64(1<<53 + 1), "integer"},
		{uint64(math.MaxInt64), int64(math.MaxInt64), "integer"},
		{uint8(255), int64(255), "integer"},
		{userID(-7), int64(-7), "integer"},
		{true, int64(1), "integer"},
		{enabled(false), int64(0), "integer"},
		{0.1, 0.1, "real"},
		{3.0, 3.0, "real"},
		{math.Inf(1), math.Inf(1), "real"},
		{math.Inf(-1), math.Inf(-1), "real"},
		{math.MaxFloat64, math.MaxFloat64, "real"},
		{math.SmallestNonzeroFloat64, math.SmallestNonzeroFloat64, "real"},
		{float32(0.1), float64(float32(0.1)), "real"},
		{ratio(0.5), 0.5, "real"},
		{"", "", "text"},
		{"a\x00b", "a\x00b", "text"},
		{"Ünïcödé 🦀", "Ünïcödé 🦀", "text"},
		{word("named"), "named", "text"},
		{[]byte{}, []byte{}, "blob"},
		{[]byte(nil), nil, "null"},
		{octets{0, 255}, []byte{0, 255}, "blob"},
		{(*int)(nil), nil, "null"},
		{ptr("by pointer"), "by pointer", "text"},
		{sql.NullString{}, nil, "null"},
		{sql.NullInt64{Int64: 5, Valid: true}, int64(5), "integer"},
		{sql.Null[string]{V: "generic", Valid: true}, "generic", "text"},
		{(*sql.NullString)(nil), nil, "null"},
	} {
		var out any
		var typ string
		must(t, db.QueryRow(background, "SELECT ?1, typeof(?1)", c.in).Scan(&out, &typ))
		if !reflect.DeepEqual(out, c.out) || typ != c.typ {
			t.Errorf("%T %v came back as %T %v, %s", c.in, c.in, out, out, typ)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestTypes_MinusZeroKeepsItsSign(t *testing.T) {
	db := openTest(t, nil)
	if f := one[float64](t, db, "SELECT ?", math.Copysign(0, -1)); !math.Signbit(f) {
		t.Error("the sign is lost")
	}
}

func TestParams_ThatCannotBeStoredAreNamed(t *testing.T) {
	db := openTest(t, nil)
	loop := new(any)
	for _, c := range []struct {
		arg    any
		status Status
		words  string
	}{
		{time.Now(), ErrParam, "time.Time"},
		{ptr(time.Now()), ErrParam, "time.Time"},
		{sql.NullTime{Valid: true}, ErrParam, "time.Time"},
		{uint64(math.MaxInt64) + 1, ErrParam, "int64"},
		{math.NaN(), ErrParam, "NaN"},
		{struct{ A int }{1}, ErrParam, "struct"},
		{[]int{1}, ErrParam, "[]int"},
		{map[string]int{}, ErrParam, "map"},
		{complex(1, 2), ErrParam, "complex128"},
		{make(chan int), ErrParam, "chan"},
		{func() {}, ErrParam, "func()"},
		{ptr(ptr(1)), ErrParam, "**int"},
		{loop, ErrParam, "*interface"},
		{"\xff", ErrEncoding, ""},
		{"\xed\xa0\x80", ErrEncoding, ""}, // a lone surrogate
	} {
		*loop = loop
		err := db.QueryRow(background, "SELECT ?, ?", 1, c.arg).Err()
		wantError(t, err, c.status, "parameter 2", c.words)
		_, err = db.Exec(background, "SELECT :a, :b", Named("a", 1), Named("b", c.arg))
		wantError(t, err, c.status, `"b"`, c.words)
	}
}

func TestParams_OfTheWrongNumberOrNameAreErrors(t *testing.T) {
	db := openTest(t, nil)
	for _, args := range [][]any{{}, {1}, {1, 2, 3}} {
		wantError(t, db.QueryRow(background, "SELECT ?, ?", args...).Err(), ErrParam)
	}
	wantError(t, db.QueryRow(background, "SELECT :a, :b", Named("a", 1)).Err(), ErrParam, "b")
	wantError(t, db.QueryRow(background, "SELECT :a, :b", Named("a", 1), 2).Err(), ErrParam, "parameter 2", "position")
	wantError(t, db.QueryRow(background, "SELECT ?, ?", 1, Named("b", 2)).Err(), ErrParam, "parameter 2", "name")
	many := make([]any, 40000)
	wantError(t, db.QueryRow(background, "SELECT ?", many...).Err(), ErrParam, "40000")
}

func TestParams_GoByNameInAllSpellings(t *testing.T) {
	db := openTest(t, nil)
	var a, b, c int
	must(t, db.QueryRow(background, "SELECT :a, @b, $c",
		Named("c", 3), sql.Named("@b", 2), Named(":a", 1), Named("surplus", 9)).Scan(&a, &b, &c))
	if a != 1 || b != 2 || c != 3 {
		t.Errorf("got %d %d %d", a, b, c)
	}
}

func TestScan_ConvertsWhatLosesNothing(t *testing.T) {
	db := openTest(t, nil)
	row := func() *Row {
		return db.QueryRow(background, "SELECT 255, 4.0, 'text', x'616263', NULL, 1")
	}
	var i8 uint8
	var i int
	var s string
	var b []byte
	var p *string
	var ok bool
	must(t, row().Scan(&i8, &i, &b, &s, &p, &ok))
	if i8 != 255 || i != 4 || string(b) != "text" || s != "abc" || p != nil || !ok {
		t.Error(i8, i, b, s, p, ok)
	}
	var id *userID
	var f32 float32
	var w word
	var o octets
	var ns sql.NullString
	var en enabled
	must(t, row().Scan(&id, &f32, &w, &o, &ns, &en))
	if *id != 255 || f32 != 4 || w != "text" || string(o) != "abc" || ns.Valid || !bool(en) {
		t.Error(*id, f32, w, o, ns, en)
	}
	var f64 float64
	var any1, any2 any
	var raw sql.RawBytes
	var nb []byte
	var n64 sql.NullInt64
	must(t, row().Scan(&f64, &any1, &any2, &raw, &nb, &n64))
	if f64 != 255 || any1 != 4.0 || any2 != "text" || string(raw) != "abc" || nb != nil || n64.Int64 != 1 {
		t.Error(f64, any1, any2, raw, nb, n64)
	}
}

func TestScan_RefusesWhatDoesNotFit(t *testing.T) {
	db := openTest(t, nil)
	for _, c := range []struct {
		sql  string
		dest any
	}{
		{"SELECT 256", new(uint8)}, {"SELECT 128", new(int8)}, {"SELECT -1", new(uint64)},
		{"SELECT 1.5", new(int64)}, {"SELECT 1.5", new(int)}, {"SELECT 9.3e18", new(int64)},
		{"SELECT 9e999", new(int64)}, {"SELECT 9007199254740993", new(float64)},
		{"SELECT 9223372036854775807", new(float64)}, {"SELECT 0.1", new(float32)}, {"SELECT 2", new(bool)},
		{"SELECT 1.0", new(bool)}, {"SELECT '1'", new(int64)}, {"SELECT '1'", new(float64)},
		{"SELECT 1", new(string)}, {"SELECT 1.5", new(word)}, {"SELECT 1", new([]byte)}, {"SELECT 1", new(octets)},
		{"SELECT NULL", new(string)}, {"SELECT NULL", new(int)}, {"SELECT NULL", new(float32)},
		{"SELECT NULL", new(enabled)}, {"SELECT 1", new(time.Time)}, {"SELECT 1", new(*time.Time)},
		{"SELECT 1", new(struct{})}, {"SELECT 1", new(**int)}, {"SELECT 1", new(chan int)},
		{"SELECT 1", 5}, {"SELECT 1", nil}, {"SELECT 1", (*int64)(nil)}, {"SELECT 1", (*userID)(nil)},
		{"SELECT 'x'", new(sql.NullInt64)},
	} {
		before := ""
		if v := reflect.ValueOf(c.dest); v.Kind() == reflect.Pointer && !v.IsNil() {
			before = v.Elem().String()
		}
		wantError(t, db.QueryRow(background, c.sql).Scan(c.dest), ErrMisuse, "column 0")
		if v := reflect.ValueOf(c.dest); v.Kind() == reflect.Pointer && !v.IsNil() {
			if v.Elem().String() != before {
				t.Errorf("%s changed its variable", c.sql)
			}
		}
		rows, err := db.Query(background, c.sql)
		must(t, err)
		rows.Next()
		wantError(t, rows.Scan(c.dest), ErrMisuse, "column 0 (")
		must(t, rows.Err())
		must(t, rows.Close())
	}
	wantError(t, db.QueryRow(background, "SELECT 1, 2").Scan(new(int)), ErrMisuse, "1 variables", "2 columns")
	wantError(t, db.QueryRow(background, "SELECT NULL").Scan(new(int)), ErrMisuse, "sql.Null")
	if err := db.QueryRow(background, "SELECT 'secret'").Scan(new(int)); strings.Contains(err.Error(), "secret") {
		t.Errorf("the error tells the value: %v", err)
	}
}

func TestScan_OfTextThatIsNoUTF8IsAnError(t *testing.T) {
	db := openTest(t, nil)
	wantError(t, db.QueryRow(background, "SELECT CAST(x'ff' AS TEXT)").Scan(new(string)), ErrEncoding)
	if b := one[[]byte](t, db, "SELECT CAST(CAST(x'ff' AS TEXT) AS BLOB)"); !bytes.Equal(b, []byte{255}) {
		t.Errorf("got %v", b)
	}
}

func TestScan_GivesBytesOfTheirOwn(t *testing.T) {
	db := openTest(t, nil)
	rows, err := db.Query(background, "SELECT x'01' UNION ALL SELECT x'02'")
	must(t, err)
	var all [][]byte
	for rows.Next() {
		var b []byte
		must(t, rows.Scan(&b))
		all = append(all, b)
	}
	if one[int](t, db, "SELECT 7"); all[0][0] != 1 || all[1][0] != 2 {
		t.Errorf("got %v", all)
	}
}

func TestLarge_ValuesArriveWhole(t *testing.T) {
	db := openTest(t, nil)
	mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, a BLOB, b TEXT)")
	blob := bytes.Repeat([]byte{0xab, 0xcd, 0xef}, 1<<20)
	text := strings.Repeat("täxt ", 1<<18)
	for range 3 {
		mustExec(t, db, "INSERT INTO t(a, b) VALUES (?, ?)", blob, text)
		mustExec(t, db, "INSERT INTO t(a, b) VALUES (x'00', 'short')")
	}
	var a []byte
	var b string
	must(t, db.QueryRow(background, "SELECT a, b FROM t WHERE id = 1").Scan(&a, &b))
	if !bytes.Equal(a, blob) || b != text {
		t.Error("QueryRow gave something else")
	}
	rows, err := db.Query(background, "SELECT a, b FROM t ORDER BY id")
	must(t, err)
	for i := 0; rows.Next(); i++ {
		var a, b any
		must(t, rows.Scan(&a, &b))
		must(t, rows.Scan(&a, &b)) // again
		if i%2 == 0 && (!bytes.Equal(a.([]byte), blob) || b != text) || i%2 == 1 && b != "short" {
			t.Errorf("row %d is another", i)
		}
	}
	must(t, rows.Err())
	if row := db.QueryRow(background, "SELECT a FROM t WHERE id = 1"); len(row.Bytes(0)) != len(blob) {
		t.Error("Bytes gave something else")
	} else if row.Bytes(0); row.Err() == nil {
		t.Error("a large value was given twice")
	}
	idle(t, db)
}
