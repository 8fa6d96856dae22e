package walpool

import (
	"context"
	"runtime"

	"github.com/walpool/walpool/bindings/go/walpool/internal/raw"
)

// Tasks of walpool_maintain.
const (
	taskOptimize          = 0
	taskVacuum            = 1
	taskIncrementalVacuum = 2
	taskQuickCheck        = 3
	taskFullCheck         = 4
)

// problemsRoom holds the problems of a check, which is not made twice.
const problemsRoom = 128 << 10

// Maintenance is what [DB.Optimize], [DB.Vacuum] or [DB.IncrementalVacuum] did.
type Maintenance struct {
	PageSize              int   // bytes
	PagesBefore           int64 // of the database
	PagesAfter            int64 // of it afterwards
	FreePages             int64 // of these, without content
	Tables                int64 // that needed to be measured, and were
	WALFrames             int64 // after the checkpoint that follows a vacuum
	WALFramesCheckpointed int64 // of these, in the database file
	Complete              bool  // nothing is left, and no reader keeps the WAL as it is
}

// ProblemKind is what is wrong, in a [Problem].
type ProblemKind string

const (
	ProblemDamage     ProblemKind = "damage"      // restore a backup
	ProblemForeignKey ProblemKind = "foreign_key" // rows without their parent
)

// Problem is what [DB.Check] has found.
type Problem struct {
	Kind    ProblemKind
	Message string // what is wrong, as SQLite says it
	Table   string // of rows without their parent; the next two, too
	Parent  string
	Rows    int64
}

// Optimize measures the tables that need it, by which SQLite chooses indexes:
// some rows of each, in a short write of its own. Run it after much was changed,
// or have it done by [Options.OptimizeInterval].
//
// Errors: [ErrTimeout], [ErrDeadlock], [ErrReadOnly], [ErrPoisoned] and others.
// It calls walpool_maintain.
func (db *DB) Optimize(ctx context.Context) (Maintenance, error) {
	return db.improve(ctx, taskOptimize, 0)
}

// Vacuum builds the file anew, without free pages, and empties the WAL. It holds
// the writer for as long as it takes; readers go on.
//
// Errors: [ErrFull] where the disk has less room than twice what the database
// holds, then nothing was done; [ErrTimeout], [ErrReadOnly], [ErrPoisoned] and
// others. It calls walpool_maintain.
func (db *DB) Vacuum(ctx context.Context) (Maintenance, error) {
	return db.improve(ctx, taskVacuum, 0)
}

// IncrementalVacuum cuts free pages off the file, that many at most (0: all), in
// short writes between those of others. What was freed when the context's
// deadline passes stays freed. It is for databases with PRAGMA
// auto_vacuum=incremental, which a Vacuum makes true.
//
// Errors: [ErrMisuse] where auto_vacuum is none, [ErrTimeout], [ErrReadOnly],
// [ErrPoisoned] and others. It calls walpool_maintain.
func (db *DB) IncrementalVacuum(ctx context.Context, pages int64) (Maintenance, error) {
	return db.improve(ctx, taskIncrementalVacuum, pages)
}

// Check looks for damage, and for rows without their parent, on a reader, which
// keeps its snapshot meanwhile. A full one compares indexes with their tables,
// too. At most 100 problems of each kind are told; what SQLite cannot read on
// from is a problem, not an error.
//
// Errors: [ErrTimeout], [ErrCanceled], [ErrClosed], [ErrIO]. It calls
// walpool_maintain.
func (db *DB) Check(ctx context.Context, full bool) ([]Problem, error) {
	var c call
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	task := int32(taskQuickCheck)
	if full {
		task = taskFullCheck
	}
	f := getFrame()
	defer func() { putFrame(f) }()
	if err := db.maintain(&c, f, task, 0); err != nil {
		return nil, err
	}
	block := f.room()
	width := int(layout[header](block).columns)
	var problems []Problem
	for cells := answerCells(block); len(cells) > 0; cells = cells[width:] {
		problems = append(problems, Problem{
			ProblemKind(textOf(block, cells[0])), textOf(block, cells[1]),
			textOf(block, cells[2]), textOf(block, cells[3]), int64(cells[4].bits),
		})
	}
	return problems, nil
}

// improve runs a task that answers with a row of numbers.
func (db *DB) improve(ctx context.Context, task int32, pages int64) (Maintenance, error) {
	var c call
	if err := db.writer().begin(ctx, &c); err != nil {
		return Maintenance{}, err
	}
	f := getFrame()
	defer func() { putFrame(f) }()
	if err := db.maintain(&c, f, task, pages); err != nil {
		return Maintenance{}, err
	}
	n := answerCells(f.room())
	return Maintenance{
		PageSize: int(n[0].bits), PagesBefore: int64(n[1].bits), PagesAfter: int64(n[2].bits),
		FreePages: int64(n[3].bits), Tables: int64(n[4].bits), WALFrames: int64(n[5].bits),
		WALFramesCheckpointed: int64(n[6].bits), Complete: n[7].bits != 0,
	}, nil
}

func (db *DB) maintain(c *call, f *frame, task int32, pages int64) error {
	defer c.end()
	f.start()
	c.forget()
	f.request(c, 0, 0, "")
	f.seal(problemsRoom)
	raw.WalpoolMaintain(db.id(), task, pages, f.Frame)
	runtime.KeepAlive(db)
	return c.failed(f)
}

// answerCells sees the values behind the names of a block.
func answerCells(block []byte) []cell {
	h := layout[header](block)
	return cellsOf(block, rowsHeader+int(h.columns)*cellBytes, int(h.columns)*int(h.rows))
}

// textOf copies a TEXT; anything else is "".
func textOf(block []byte, c cell) string {
	if c.kind != typeText {
		return ""
	}
	return string(block[c.bits : c.bits+uint64(c.length)])
}
