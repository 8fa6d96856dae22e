package walpool_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/walpool/walpool/bindings/go/walpool"
)

var ctx = context.Background()

// open makes a database with two users in a new folder.
func open() (db *walpool.DB, done func()) {
	dir, err := os.MkdirTemp("", "walpool")
	if err != nil {
		log.Fatal(err)
	}
	db, err = walpool.Open(ctx, filepath.Join(dir, "app.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	err = db.Script(ctx, `
		CREATE TABLE user(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INTEGER);
		INSERT INTO user(name, age) VALUES ('Ada', 36), ('Grace', 85);`)
	if err != nil {
		log.Fatal(err)
	}
	return db, func() {
		if err := db.Close(); err != nil {
			log.Fatal(err)
		}
		os.RemoveAll(dir)
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "walpool")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	db, err := walpool.Open(ctx, filepath.Join(dir, "app.db"), &walpool.Options{Readers: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	if _, err := db.Exec(ctx, "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT)"); err != nil {
		log.Fatal(err)
	}
	res, err := db.Exec(ctx, "INSERT INTO note(text) VALUES (?)", "buy milk")
	if err != nil {
		log.Fatal(err)
	}
	var text string
	if err := db.QueryRow(ctx, "SELECT text FROM note WHERE id = ?", res.LastRowID).Scan(&text); err != nil {
		log.Fatal(err)
	}
	fmt.Println(text)
	// Output: buy milk
}

func ExampleOpen_dsn() {
	dir, err := os.MkdirTemp("", "walpool")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	_, err = walpool.Open(ctx, "file:"+filepath.Join(dir, "app.db")+"?_busy_timeout=soon", nil)
	fmt.Println(errors.Is(err, walpool.ErrOption))
	// Output: true
}

func ExampleDB_Query() {
	db, done := open()
	defer done()
	rows, err := db.Query(ctx, "SELECT id, name FROM user WHERE age > ? ORDER BY id", 30)
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			log.Fatal(err)
		}
		fmt.Println(id, name)
	}
	if err := rows.Err(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 Ada
	// 2 Grace
}

func ExampleDB_QueryRow() {
	db, done := open()
	defer done()
	var name string
	err := db.QueryRow(ctx, "SELECT name FROM user WHERE id = :id", walpool.Named("id", 7)).Scan(&name)
	if errors.Is(err, walpool.ErrNoRows) {
		fmt.Println("there is no user 7")
	}
	// Output: there is no user 7
}

func ExampleCollect() {
	db, done := open()
	defer done()
	rows, err := db.Query(ctx, "SELECT name FROM user ORDER BY name")
	if err != nil {
		log.Fatal(err)
	}
	names, err := walpool.Collect(rows, func(r *walpool.Row) (string, error) { return r.Text(0), nil })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(names)
	// Output: [Ada Grace]
}

func ExampleCollectStructs() {
	db, done := open()
	defer done()
	type user struct {
		ID   int64
		Name string
		Old  bool `db:"is_old"`
	}
	rows, err := db.Query(ctx, "SELECT id, name, age > 40 AS is_old FROM user ORDER BY id")
	if err != nil {
		log.Fatal(err)
	}
	users, err := walpool.CollectStructs[user](rows)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", users)
	// Output: [{ID:1 Name:Ada Old:false} {ID:2 Name:Grace Old:true}]
}

func ExampleRows_All() {
	db, done := open()
	defer done()
	rows, err := db.Query(ctx, "SELECT name FROM user ORDER BY id")
	if err != nil {
		log.Fatal(err)
	}
	for row, err := range rows.All() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(row.Text(0))
	}
	// Output:
	// Ada
	// Grace
}

func ExampleDB_Write() {
	db, done := open()
	defer done()
	err := db.Write(ctx, func(tx *walpool.WriteTx) error {
		if _, err := tx.Exec(ctx, "UPDATE user SET age = age + 1"); err != nil {
			return err
		}
		return tx.Savepoint(func(tx *walpool.WriteTx) error {
			_, err := tx.Exec(ctx, "INSERT INTO user(name) VALUES ('Ada')")
			return err
		})
	})
	var e *walpool.Error
	if errors.As(err, &e) {
		fmt.Println(e.CodeName())
	}
	var age int
	if err := db.QueryRow(ctx, "SELECT age FROM user WHERE name = 'Ada'").Scan(&age); err != nil {
		log.Fatal(err)
	}
	fmt.Println("Ada is still", age)
	// Output:
	// SQLITE_CONSTRAINT_UNIQUE
	// Ada is still 36
}

func ExampleDB_Read() {
	db, done := open()
	defer done()
	err := db.Read(ctx, func(tx *walpool.ReadTx) error {
		var users, old int
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM user").Scan(&users); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM user WHERE age > 40").Scan(&old); err != nil {
			return err
		}
		fmt.Println(old, "of", users) // of the same moment
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: 1 of 2
}

func ExampleReadTx_Fresh() {
	db, done := open()
	defer done()
	err := db.Read(ctx, func(tx *walpool.ReadTx) error {
		count := func() (users int, err error) {
			err = tx.QueryRow(ctx, "SELECT count(*) FROM user").Scan(&users)
			return users, err
		}
		if _, err := db.Exec(ctx, "INSERT INTO user(name) VALUES ('Alan')"); err != nil {
			return err
		}
		before, err := count()
		if err != nil {
			return err
		}
		if err := tx.Fresh(ctx); err != nil {
			return err
		}
		after, err := count()
		fmt.Println(before, after)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: 2 3
}

func ExampleDB_ExecMany() {
	db, done := open()
	defer done()
	people := [][]any{{"Alan", 41}, {"Edsger", 72}, {"Barbara", nil}}
	res, err := db.ExecMany(ctx, "INSERT INTO user(name, age) VALUES (?, ?)", slices.Values(people))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Changes, "users")
	// Output: 3 users
}

func ExampleDB_ExecReturning() {
	db, done := open()
	defer done()
	rows, err := db.ExecReturning(ctx, "DELETE FROM user WHERE age > ? RETURNING name", 40)
	if err != nil {
		log.Fatal(err)
	}
	gone, err := walpool.Collect(rows, func(r *walpool.Row) (string, error) { return r.Text(0), nil })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(gone)
	// Output: [Grace]
}

func ExampleDB_Batch() {
	db, done := open()
	defer done()
	results, err := db.Batch(ctx, []walpool.Statement{
		{SQL: "UPDATE user SET age = ? WHERE name = ?", Args: []any{37, "Ada"}},
		{SQL: "DELETE FROM user WHERE name = 'Nobody'"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(results[0].Changes, results[1].Changes)
	// Output: 1 0
}

func ExampleDB_ExecExpect() {
	db, done := open()
	defer done()

	_, err := db.ExecExpect(ctx, 1, "UPDATE user SET age = 37 WHERE name = ?", "Alan")
	fmt.Println(errors.Is(err, walpool.ErrMismatch))
	// Output: true
}

func ExampleWithOnceKey() {
	db, done := open()
	defer done()

	once := walpool.WithOnceKey(ctx, "signup-4711")
	for range 2 { // the second time, as after a lost answer, nothing is written
		res, err := db.Exec(once, "INSERT INTO user(name) VALUES (?)", "Alan")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(res.LastRowID)
	}
	// Output:
	// 3
	// 3
}

func ExampleWithDurability() {
	db, done := open()
	defer done()

	// This one survives a power cut, although the database has DurabilityNormal.
	durable := walpool.WithDurability(ctx, walpool.DurabilityFull)
	_, err := db.Exec(durable, "UPDATE user SET age = 37 WHERE name = ?", "Ada")
	fmt.Println(err)
	// Output: <nil>
}

func ExampleDB_Health() {
	db, done := open()
	defer done()
	h, err := db.Health()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(h.Writes, "transaction,", h.WriterWaiters, "waiting")
	// Output: 1 transaction, 0 waiting
}

func ExampleDB_Backup() {
	db, done := open()
	defer done()
	folder, err := os.MkdirTemp("", "walpool-example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	copied := filepath.Join(folder, "copy.db")
	err = db.Backup(ctx, copied, &walpool.BackupOptions{
		Progress: func(p walpool.BackupProgress) error {
			fmt.Println(p.Phase)
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := db.Restore(ctx, copied); err != nil {
		log.Fatal(err)
	}
	// Output:
	// check
	// place
	// done
}

func ExampleWithWhy() {
	db, done := open()
	defer done()
	report := walpool.WithWhy(ctx, "yearly report")
	err := db.Read(report, func(tx *walpool.ReadTx) error {
		h, err := db.Health()
		fmt.Println(h.OldestLeaseWhy)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: yearly report
}

func ExampleError() {
	db, done := open()
	defer done()
	deadline, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	err := db.QueryRow(deadline, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
		SELECT count(*) FROM n`).Err()
	var e *walpool.Error
	if errors.As(err, &e) {
		fmt.Println(e.Status.Name(), e.Phase, errors.Is(err, context.DeadlineExceeded))
	}
	// Output: WALPOOL_TIMEOUT execute true
}

func ExampleDB_Prepare() {
	db, done := open()
	defer done()

	byID, err := db.Prepare(ctx, "SELECT name FROM user WHERE id = ?")
	if err != nil {
		log.Fatal(err)
	}
	defer byID.Close()
	for id := 1; id <= 2; id++ {
		var name string
		if err := byID.QueryRow(ctx, id).Scan(&name); err != nil {
			log.Fatal(err)
		}
		fmt.Println(name)
	}
	// Output:
	// Ada
	// Grace
}
