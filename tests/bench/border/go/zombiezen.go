package main

import (
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

type zombiezen struct{ conn *sqlite.Conn }

func openZombiezen(path string) zombiezen {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenWAL)
	must(err)
	pragmas := "PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=1; PRAGMA cache_size=-8192;" + otherPragmas
	for _, pragma := range strings.Split(pragmas, ";") {
		must(sqlitex.ExecuteTransient(conn, pragma, nil))
	}
	return zombiezen{conn}
}

func (z zombiezen) sqlite() string {
	statement := z.conn.Prep("SELECT sqlite_version()")
	_, err := statement.Step()
	must(err)
	defer func() { must(statement.Reset()) }()
	return statement.ColumnText(0)
}

func (z zombiezen) records(query string, wanted int, args ...any) func() error {
	return func() error {
		var out []record
		err := sqlitex.Execute(z.conn, query, &sqlitex.ExecOptions{
			Args: args,
			ResultFunc: func(s *sqlite.Stmt) error {
				out = append(out, record{s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnFloat(2),
					s.ColumnText(3), s.ColumnText(4)})
				return nil
			},
		})
		return counted(out, wanted, err)
	}
}

// look looks up the value of one row, prepared.
func (z zombiezen) look() func(key int64) (int64, error) {
	return func(key int64) (int64, error) {
		statement := z.conn.Prep(lookQuery)
		statement.BindInt64(1, key)
		if _, err := statement.Step(); err != nil {
			return 0, err
		}
		value := statement.ColumnInt64(0)
		return value, statement.Reset()
	}
}

func (z zombiezen) blob() func() error {
	return func() error {
		var data []byte
		err := sqlitex.Execute(z.conn, blobQuery, &sqlitex.ExecOptions{
			ResultFunc: func(s *sqlite.Stmt) error {
				data = make([]byte, s.ColumnLen(0))
				s.ColumnBytes(0, data)
				return nil
			},
		})
		return measured(data, err)
	}
}
