package main

import (
	"database/sql"
	"database/sql/driver"
	"io"

	"github.com/mattn/go-sqlite3"
)

// The pragmas of a walpool connection, in mattn's words.
const mattnOptions = "?_mutex=no&_busy_timeout=5000&_journal_mode=WAL&_synchronous=NORMAL" +
	"&_foreign_keys=1&_cache_size=-8192"
const otherPragmas = "PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=16777216;" +
	"PRAGMA wal_autocheckpoint=0; PRAGMA trusted_schema=0"

type mattn struct {
	path string
	db   *sql.DB
}

func (m *mattn) open() {
	db, err := sql.Open("sqlite3", "file:"+m.path+mattnOptions)
	must(err)
	db.SetMaxOpenConns(1)
	_, err = db.Exec(otherPragmas)
	must(err)
	m.db = db
}

func (m *mattn) sqlite() string {
	version, _, _ := sqlite3.Version()
	return version
}

func (m *mattn) statement(query string) *sql.Stmt {
	statement, err := m.db.Prepare(query)
	must(err)
	return statement
}

// records gives a body that makes a record of every row.
func (m *mattn) records(query string, wanted int, args ...any) func() error {
	statement := m.statement(query)
	return func() error {
		rows, err := statement.Query(args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		var out []record
		for rows.Next() {
			var r record
			if err := rows.Scan(&r.ID, &r.A, &r.B, &r.C, &r.D); err != nil {
				return err
			}
			out = append(out, r)
		}
		return counted(out, wanted, rows.Err())
	}
}

// look looks up the value of one row, prepared.
func (m *mattn) look() func(key int64) (int64, error) {
	statement := m.statement(lookQuery)
	return func(key int64) (value int64, err error) {
		err = statement.QueryRow(key).Scan(&value)
		return value, err
	}
}

func (m *mattn) blob() func() error {
	statement := m.statement(blobQuery)
	return func() error {
		var data []byte
		err := statement.QueryRow().Scan(&data)
		return measured(data, err)
	}
}

// openOnce is a raw connection: the driver without database/sql.
func (m *mattn) openOnce() error {
	conn, err := (&sqlite3.SQLiteDriver{}).Open("file:" + m.path + mattnOptions)
	if err != nil {
		return err
	}
	raw := conn.(*sqlite3.SQLiteConn)
	if _, err := raw.Exec(otherPragmas, nil); err != nil {
		return err
	}
	rows, err := raw.Query(pointQuery, []driver.Value{int64(7)})
	if err != nil {
		return err
	}
	if err := rows.Next(make([]driver.Value, 5)); err != nil && err != io.EOF {
		return err
	}
	if err := rows.Close(); err != nil {
		return err
	}
	return raw.Close()
}
