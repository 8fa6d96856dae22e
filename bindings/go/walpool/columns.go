package walpool

import (
	"hash/maphash"
	"sync/atomic"
)

// columns are the names of a statement's columns. Their shape is told to the
// core, which then leaves the names out of the block.
type columns struct {
	sql   string
	shape uint64
	names []string
}

// columnCache remembers them for the statements seen last, by a hash of their
// text: bounded, without a lock, and a lost entry costs only a row of names.
type columnCache struct {
	slots [256]atomic.Pointer[columns]
}

var columnSeed = maphash.MakeSeed()

func (cc *columnCache) slot(sql string) *atomic.Pointer[columns] {
	return &cc.slots[maphash.String(columnSeed, sql)%uint64(len(cc.slots))]
}

// known returns the columns of a statement, or nil.
func (cc *columnCache) known(sql string) *columns {
	c := cc.slot(sql).Load()
	if c == nil || c.sql != sql {
		return nil
	}
	return c
}

// columns returns what is known of those of its results, or nil.
func (s source) columns(db *DB) *columns {
	if s.stmt != nil {
		return s.stmt.columns.Load()
	}
	return db.columns.known(s.sql)
}

// columns keeps the names that stand in the block of rs. A block without
// columns may have none.
func (rs *Rows) columns(h *header, s source) *columns {
	c := &columns{sql: s.sql, shape: h.shape}
	if h.flags&rowsNames == 0 {
		return c
	}
	c.names = make([]string, rs.width)
	block := rs.row.block
	for i, name := range cellsOf(block, rowsHeader, rs.width) {
		c.names[i] = string(block[name.bits : name.bits+uint64(name.length)])
	}
	if s.stmt != nil {
		s.stmt.columns.Store(c)
	} else {
		rs.db.columns.slot(s.sql).Store(c)
	}
	return c
}
