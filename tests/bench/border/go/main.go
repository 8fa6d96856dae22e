// Command border measures walpool, mattn/go-sqlite3 and zombiezen.com/go/sqlite
// in one process.
//
//	border OURS.db MATTN.db ZOMBIEZEN.db MEASURE...
//
// walpool's C and mattn's link to one SQLite, the one in mattn's package: that
// is what makes them comparable. zombiezen's is SQLite translated to Go.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"bench/border/hand"

	"github.com/walpool/walpool/bindings/go/walpool"
)

const (
	scanQuery  = "SELECT id, a, b, c, d FROM t"
	pointQuery = scanQuery + " WHERE id = ?"
	lookQuery  = "SELECT value FROM point WHERE id = ?"
	blobQuery  = "SELECT data FROM blob WHERE id = 1"

	rowCount  = 100_000
	blobBytes = 1_000_000
	calls     = 100_000
	queries   = 300
	lookups   = 1000
	blobs     = 10
	opens     = 4
)

var ctx = context.Background()

// record is a row of table t.
type record struct {
	ID, A int64
	B     float64
	C, D  string
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func counted(rows []record, wanted int, err error) error {
	if err == nil && len(rows) != wanted {
		return fmt.Errorf("%d rows instead of %d", len(rows), wanted)
	}
	return err
}

func measured(data []byte, err error) error {
	if err == nil && len(data) != blobBytes {
		return fmt.Errorf("%d bytes instead of %d", len(data), blobBytes)
	}
	return err
}

func toRecord(r *walpool.Row) (record, error) {
	return record{r.Int64(0), r.Int64(1), r.Float64(2), r.Text(3), r.Text(4)}, nil
}

func records(db *walpool.DB, query string, wanted int, args ...any) func() error {
	return func() error {
		rows, err := db.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		out, err := walpool.Collect(rows, toRecord)
		return counted(out, wanted, err)
	}
}

func blob(db *walpool.DB) func() error {
	return func() error {
		var data []byte
		err := db.QueryRow(ctx, blobQuery).Scan(&data)
		return measured(data, err)
	}
}

// look looks up the value of one row.
func look(db *walpool.DB) func(key int64) (int64, error) {
	return func(key int64) (value int64, err error) {
		err = db.QueryRow(ctx, lookQuery, key).Scan(&value)
		return value, err
	}
}

// eachLook gives a body that looks up random rows, the same for every side.
func eachLook(one func(key int64) (int64, error)) func() error {
	random := uint32(1)
	return times(lookups, func() error {
		random = random*1664525 + 1013904223
		key := int64(random>>8) % rowCount
		value, err := one(key)
		if err == nil && value != key*7 {
			err = fmt.Errorf("row %d has the value %d", key, value)
		}
		return err
	})
}

func openOnce(path string) error {
	db, err := walpool.Open(ctx, path, nil)
	if err != nil {
		return err
	}
	if err := records(db, pointQuery, 1, 7)(); err != nil {
		return err
	}
	return db.Close()
}

func trivialCall() {
	var sum int
	compare("go.call", 101, calls, cpuSeconds,
		side{"ours", "", times(calls, func() error { sum += walpool.VersionNumber(); return nil })},
		side{"cgo", "", times(calls, func() error { sum += int(hand.Number()); return nil })})
}

func openClose(ours, peer string) {
	m := mattn{path: peer}
	compare("go.open", 101, opens, wallSeconds,
		side{"ours", walpool.Version().SQLite, times(opens, func() error { return openOnce(ours) })},
		side{"mattn", m.sqlite(), times(opens, m.openOnce)})
}

func query(measure string, paths []string) {
	db, err := walpool.Open(ctx, paths[0], nil)
	must(err)
	m := mattn{path: paths[1]}
	m.open()
	z := openZombiezen(paths[2])
	name := func(bodies ...func() error) []side {
		return []side{
			{"ours", walpool.Version().SQLite, bodies[0]},
			{"mattn", m.sqlite(), bodies[1]},
			{"zombiezen", z.sqlite(), bodies[2]},
		}
	}
	switch measure {
	case "go.scan":
		sides := name(records(db, scanQuery, rowCount), m.records(scanQuery, rowCount),
			z.records(scanQuery, rowCount))
		compare(measure, 21, 1, wallSeconds, sides...)
	case "go.lookup":
		sides := name(eachLook(look(db)), eachLook(m.look()), eachLook(z.look()))
		compare(measure, 201, lookups, wallSeconds, sides...)
	case "go.empty":
		sides := name(times(queries, records(db, pointQuery, 0, -1)),
			times(queries, m.records(pointQuery, 0, -1)), times(queries, z.records(pointQuery, 0, -1)))
		compare(measure, 101, queries, wallSeconds, sides...)
	case "go.blob":
		sides := name(times(blobs, blob(db)), times(blobs, m.blob()), times(blobs, z.blob()))
		compare(measure, 101, blobs, wallSeconds, sides...)
	}
	must(m.db.Close())
	must(z.conn.Close())
	must(db.Close())
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 5 {
		log.Fatal("usage: border OURS.db MATTN.db ZOMBIEZEN.db MEASURE...")
	}
	for _, measure := range os.Args[4:] {
		switch measure {
		case "go.call":
			trivialCall()
		case "go.open":
			openClose(os.Args[1], os.Args[2])
		default:
			query(measure, os.Args[1:4])
		}
	}
}
